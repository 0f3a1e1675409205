"""Group attention as Triton kernels: forward, gradient by queries and scores, gradient by keys and values.

A program takes one head of one image and a run of pixels, one pixel in each lane; what belongs to a pixel lies in the
registers of its lane. Scores are never stored: the forward pass keeps their log-sum-exp and what each query element
attends to, and both backward kernels make the weights again. Logarithms are to base two.

The floor of a pixel and head with |G| = 4, a window of 5 and depth 10, in multiply-adds: 4,000 each for scores and
values, 2,400 for the plane encoding, and 1,600 weights of an exponential (16 lanes a clock on a multiprocessor, where
multiply-adds have 128), some eight operations around it and five for dropout. So arithmetic and loads from the first
cache bound it, about equally; device memory does not.
"""

import triton
import triton.language as tl

FAR = tl.constexpr(64.0)
"""Log2 of how far the highest score may lie from the reference before the sums are made again with a better one."""

TRIES = tl.constexpr(3)
"""How often at most: scores that are not numbers stay so."""
SIZES = ["threshold", "HEADS", "HEIGHT", "WIDTH", "pairs"]
"""Compiled once for all values; knowing that one is a multiple of 16 would not help."""


@triton.jit
def _mixed(word):
    """A hash of 32 bits: each bit of the word changes half of the result's."""
    word = (word ^ (word >> 16)) * 0x7FEB352D
    word = (word ^ (word >> 15)) * 0x846CA68B
    return word ^ (word >> 16)


@triton.jit
def _keep(base, place, multiplier, threshold):
    """Whether dropout keeps a weight: `place` counts (g, m, u, pixel), the multiplier stands for the output element."""
    return _mixed(base ^ place.to(tl.uint32)) * multiplier >= threshold


@triton.jit
def _channels(maps, x, channel, DEPTH: tl.constexpr, step):
    """maps[channel, x] as [channel lane]; zero for channels that fill up to a power of two."""
    return tl.load(maps + channel[:, None] * step + x[None, :], mask=(channel < DEPTH)[:, None], other=0.0)


@triton.jit
def _elements(maps, x, element, channel, DEPTH: tl.constexpr, step, pixels):
    """maps[element, channel, x] as [element channel lane]; zero for channels that fill up to a power of two."""
    places = element[:, None, None] * pixels + channel[None, :, None] * step + x[None, None, :]
    return tl.load(maps + places, mask=(channel < DEPTH)[None, :, None], other=0.0)


@triton.jit
def _dot(left1, left2, right1, right2):
    """Sums over channels, which are the middle axis of all."""
    return tl.sum(left1 * right1, 1) + tl.sum(left2 * right2, 1)


@triton.jit
def _store(maps, element_at, x, channel, DEPTH: tl.constexpr, step, numbers, known):
    """Write [element channel lane] to maps[element, channel, x] where [element lane] is known."""
    places = element_at[:, None, None] + channel[None, :, None] * step + x[None, None, :]
    tl.store(maps + places, numbers, mask=known[:, None, :] & (channel < DEPTH)[None, :, None])


@triton.jit
def _both(rows, lanes):
    return rows[:, None] & lanes[None, :]


@triton.jit
def _key_of(seed, pair):
    """The hash's key of one head of one image."""
    word = tl.load(seed).to(tl.uint32)
    return _mixed(_mixed(word) + pair.to(tl.uint32) * 0x9E3779B1)


@triton.jit(do_not_specialize=SIZES[:-1])
def forward(
    query, key, value, plane, group, out, log_sum, attended, seed, scale, threshold, factor, HEADS, HEIGHT, WIDTH,
    DEPTH: tl.constexpr, D1: tl.constexpr, D2: tl.constexpr,
    PLANE: tl.constexpr, P1: tl.constexpr, P2: tl.constexpr,
    QUERIES: tl.constexpr, KEYS: tl.constexpr, OUTPUTS: tl.constexpr, K: tl.constexpr, V: tl.constexpr,
    WINDOW: tl.constexpr, DROPS: tl.constexpr, TRAINS: tl.constexpr, LANES: tl.constexpr,
):  # fmt: skip
    """Output; in training the log-sum-exp and what each query element attends to, before dropout's factor."""
    pixels = HEIGHT * WIDTH
    pair = tl.program_id(0).to(tl.int64)
    image, head = pair // HEADS, pair % HEADS
    x = tl.program_id(1) * LANES + tl.arange(0, LANES)
    real = x < pixels
    x = tl.max_contiguous(tl.minimum(x, pixels - 1), LANES)
    row, column = x // WIDTH, x % WIDTH
    v = tl.program_id(2) * V + tl.arange(0, V)
    v_real = v < OUTPUTS
    v = tl.minimum(v, OUTPUTS - 1)
    first, second = tl.arange(0, D1), D1 + tl.arange(0, D2)
    p_first, p_second = tl.arange(0, P1), P1 + tl.arange(0, P2)
    query += image * (DEPTH * HEADS * QUERIES * pixels) + head * (QUERIES * pixels)
    keys_at = image * (DEPTH * HEADS * KEYS * pixels) + head * (KEYS * pixels)
    key += keys_at
    value += keys_at
    out += image * (DEPTH * HEADS * OUTPUTS * pixels) + head * (OUTPUTS * pixels)
    group += pair * (QUERIES * OUTPUTS * KEYS * pixels)
    log_sum += pair * (QUERIES * OUTPUTS * pixels)
    attended += pair * (QUERIES * OUTPUTS * DEPTH * pixels)
    base = _key_of(seed, pair)
    multiplier = _mixed(v.to(tl.uint32) * 0x9E3779B1 + 0x85EBCA6B) | 1

    out1 = tl.zeros((V, D1, LANES), tl.float32)
    out2 = tl.zeros((V, D2, LANES), tl.float32)
    for g in range(QUERIES):
        q1 = _channels(query + g * pixels, x, first, DEPTH, HEADS * QUERIES * pixels) * scale
        q2 = _channels(query + g * pixels, x, second, DEPTH, HEADS * QUERIES * pixels) * scale
        r1 = _channels(query + g * pixels, x, p_first, PLANE, HEADS * QUERIES * pixels) * scale
        r2 = _channels(query + g * pixels, x, p_second, PLANE, HEADS * QUERIES * pixels) * scale
        reference = tl.zeros((V, LANES), tl.float32)
        top = tl.zeros((V, LANES), tl.float32)
        total = tl.zeros((V, LANES), tl.float32)
        mixed1 = tl.zeros((V, D1, LANES), tl.float32)
        mixed2 = tl.zeros((V, D2, LANES), tl.float32)
        tries = tl.full((), TRIES, tl.int32)
        while tries > 0:
            reference += top
            top = tl.full((V, LANES), -float("inf"), tl.float32)
            total = tl.zeros((V, LANES), tl.float32)
            mixed1 = tl.zeros((V, D1, LANES), tl.float32)
            mixed2 = tl.zeros((V, D2, LANES), tl.float32)
            for chunk in range(KEYS // K):
                m = chunk * K + tl.arange(0, K)
                places = ((g * OUTPUTS + v)[:, None, None] * KEYS + m[None, :, None]) * pixels + x[None, None, :]
                by_group = tl.load(group + places) - reference[:, None, :]
                for u in range(WINDOW * WINDOW):
                    i, j = u // WINDOW - WINDOW // 2, u % WINDOW - WINDOW // 2
                    inside = (row + i >= 0) & (row + i < HEIGHT) & (column + j >= 0) & (column + j < WIDTH)
                    at = tl.max_contiguous(tl.where(inside, x + i * WIDTH + j, x), LANES)
                    at_plane = plane + (u * OUTPUTS + v)[:, None] * (P1 + P2)
                    e1 = tl.load(at_plane + p_first[None, :])[:, :, None]
                    e2 = tl.load(at_plane + p_second[None, :])[:, :, None]
                    by_plane = _dot(e1, e2, r1[None, :, :], r2[None, :, :])
                    k1 = _elements(key, at, m, first, DEPTH, HEADS * KEYS * pixels, pixels)
                    k2 = _elements(key, at, m, second, DEPTH, HEADS * KEYS * pixels, pixels)
                    content = _dot(k1, k2, q1[None, :, :], q2[None, :, :])
                    content = tl.where(inside[None, :], content, float("-inf"))
                    score = by_group + content[None, :, :] + by_plane[:, None, :]
                    top = tl.maximum(top, tl.max(score, 1))
                    weight = tl.exp2(score)
                    total += tl.sum(weight, 1)
                    if DROPS:
                        place = ((g * KEYS + m)[:, None] * (WINDOW * WINDOW) + u) * pixels + x[None, :]
                        kept = _keep(base, place[None, :, :], multiplier[:, None, None], threshold)
                        weight = tl.where(kept, weight, 0.0)
                    v1 = _elements(value, at, m, first, DEPTH, HEADS * KEYS * pixels, pixels)
                    v2 = _elements(value, at, m, second, DEPTH, HEADS * KEYS * pixels, pixels)
                    mixed1 += tl.sum(weight[:, :, None, :] * v1[None, :, :, :], 1)
                    mixed2 += tl.sum(weight[:, :, None, :] * v2[None, :, :, :], 1)
            # Too low a reference overflows; one that is far too high loses everything: both are found here.
            highest, lowest = tl.max(tl.max(top, 1), 0), tl.min(tl.min(top, 1), 0)
            tries = tl.where((highest > FAR) | (lowest < -FAR), tries - 1, 0)
        share = 1.0 / total
        mixed1 *= share[:, None, :]
        mixed2 *= share[:, None, :]
        out1 += mixed1
        out2 += mixed2
        if TRAINS:
            at_v = (g * OUTPUTS + v)[:, None]
            known = v_real[:, None] & real[None, :]
            tl.store(log_sum + at_v * pixels + x[None, :], reference + tl.log2(total), mask=known)
            _store(attended, (g * OUTPUTS + v) * DEPTH * pixels, x, first, DEPTH, pixels, mixed1, known)
            _store(attended, (g * OUTPUTS + v) * DEPTH * pixels, x, second, DEPTH, pixels, mixed2, known)
    known = v_real[:, None] & real[None, :]
    _store(out, v * pixels, x, first, DEPTH, HEADS * OUTPUTS * pixels, out1 * factor, known)
    _store(out, v * pixels, x, second, DEPTH, HEADS * OUTPUTS * pixels, out2 * factor, known)


@triton.jit(do_not_specialize=SIZES)
def backward_queries(
    query, key, value, plane, group, log_sum, attended, by_out, seed, means, by_query, by_part, by_plane_score,
    by_group, scale, threshold, factor, plain_scale, HEADS, HEIGHT, WIDTH, pairs,
    DEPTH: tl.constexpr, D1: tl.constexpr, D2: tl.constexpr,
    PLANE: tl.constexpr, P1: tl.constexpr, P2: tl.constexpr,
    QUERIES: tl.constexpr, KEYS: tl.constexpr, OUTPUTS: tl.constexpr, K: tl.constexpr, V: tl.constexpr,
    WINDOW: tl.constexpr, DROPS: tl.constexpr, LANES: tl.constexpr,
):  # fmt: skip
    """Gradients by queries, in shares of each run of output elements, and by the two parts of the scores.

    `by_part` is what the plane encoding adds to the gradient by its channels. The means, sum over (m, u) of p * dp,
    are stored for the gradient by keys and values.
    """
    pixels = HEIGHT * WIDTH
    pair = tl.program_id(0).to(tl.int64)
    image, head = pair // HEADS, pair % HEADS
    x = tl.program_id(1) * LANES + tl.arange(0, LANES)
    real = x < pixels
    x = tl.max_contiguous(tl.minimum(x, pixels - 1), LANES)
    row, column = x // WIDTH, x % WIDTH
    block = tl.program_id(2).to(tl.int64)
    v = tl.program_id(2) * V + tl.arange(0, V)
    v_real = v < OUTPUTS
    v = tl.minimum(v, OUTPUTS - 1)
    known = v_real[:, None] & real[None, :]
    first, second = tl.arange(0, D1), D1 + tl.arange(0, D2)
    p_first, p_second = tl.arange(0, P1), P1 + tl.arange(0, P2)
    images = pairs // HEADS
    queries_at = image * (DEPTH * HEADS * QUERIES * pixels) + head * (QUERIES * pixels)
    query += queries_at
    by_query += block * images * (DEPTH * HEADS * QUERIES * pixels) + queries_at
    by_part += (block * images + image) * (PLANE * HEADS * QUERIES * pixels) + head * (QUERIES * pixels)
    keys_at = image * (DEPTH * HEADS * KEYS * pixels) + head * (KEYS * pixels)
    key += keys_at
    value += keys_at
    by_out += image * (DEPTH * HEADS * OUTPUTS * pixels) + head * (OUTPUTS * pixels)
    group += pair * (QUERIES * OUTPUTS * KEYS * pixels)
    by_group += pair * (QUERIES * OUTPUTS * KEYS * pixels)
    by_plane_score += pair * (KEYS // K * QUERIES * WINDOW * WINDOW * OUTPUTS * pixels)
    log_sum += pair * (QUERIES * OUTPUTS * pixels)
    means += pair * (QUERIES * OUTPUTS * pixels)
    attended += pair * (QUERIES * OUTPUTS * DEPTH * pixels)
    base = _key_of(seed, pair)
    multiplier = _mixed(v.to(tl.uint32) * 0x9E3779B1 + 0x85EBCA6B) | 1
    o1 = _elements(by_out, x, v, first, DEPTH, HEADS * OUTPUTS * pixels, pixels) * factor
    o2 = _elements(by_out, x, v, second, DEPTH, HEADS * OUTPUTS * pixels, pixels) * factor
    o1 = tl.where(v_real[:, None, None], o1, 0.0)
    o2 = tl.where(v_real[:, None, None], o2, 0.0)

    for g in range(QUERIES):
        q1 = _channels(query + g * pixels, x, first, DEPTH, HEADS * QUERIES * pixels) * scale
        q2 = _channels(query + g * pixels, x, second, DEPTH, HEADS * QUERIES * pixels) * scale
        r1 = _channels(query + g * pixels, x, p_first, PLANE, HEADS * QUERIES * pixels) * scale
        r2 = _channels(query + g * pixels, x, p_second, PLANE, HEADS * QUERIES * pixels) * scale
        at_v = g * OUTPUTS + v
        a1 = _elements(attended, x, at_v * DEPTH, first, DEPTH, pixels, pixels)
        a2 = _elements(attended, x, at_v * DEPTH, second, DEPTH, pixels, pixels)
        mean = _dot(a1, a2, o1, o2)
        tl.store(means + at_v[:, None] * pixels + x[None, :], mean, mask=known)
        level = tl.load(log_sum + at_v[:, None] * pixels + x[None, :])
        b1 = tl.zeros((D1, LANES), tl.float32)
        b2 = tl.zeros((D2, LANES), tl.float32)
        c1 = tl.zeros((P1, LANES), tl.float32)
        c2 = tl.zeros((P2, LANES), tl.float32)
        for chunk in range(KEYS // K):
            m = chunk * K + tl.arange(0, K)
            places = (at_v[:, None, None] * KEYS + m[None, :, None]) * pixels + x[None, None, :]
            by_group_score = tl.load(group + places) - level[:, None, :]
            group_gradient = tl.zeros((V, K, LANES), tl.float32)
            for u in range(WINDOW * WINDOW):
                i, j = u // WINDOW - WINDOW // 2, u % WINDOW - WINDOW // 2
                inside = (row + i >= 0) & (row + i < HEIGHT) & (column + j >= 0) & (column + j < WIDTH)
                at = tl.max_contiguous(tl.where(inside, x + i * WIDTH + j, x), LANES)
                k1 = _elements(key, at, m, first, DEPTH, HEADS * KEYS * pixels, pixels)
                k2 = _elements(key, at, m, second, DEPTH, HEADS * KEYS * pixels, pixels)
                content = _dot(k1, k2, q1[None, :, :], q2[None, :, :])
                content = tl.where(inside[None, :], content, float("-inf"))
                at_plane = plane + (u * OUTPUTS + v)[:, None] * (P1 + P2)
                e1 = tl.load(at_plane + p_first[None, :])[:, :, None]
                e2 = tl.load(at_plane + p_second[None, :])[:, :, None]
                by_plane = _dot(e1, e2, r1[None, :, :], r2[None, :, :])
                weight = tl.exp2(by_group_score + content[None, :, :] + by_plane[:, None, :])
                v1 = _elements(value, at, m, first, DEPTH, HEADS * KEYS * pixels, pixels)
                v2 = _elements(value, at, m, second, DEPTH, HEADS * KEYS * pixels, pixels)
                by_weight = tl.sum(o1[:, None, :, :] * v1[None, :, :, :], 2)
                by_weight += tl.sum(o2[:, None, :, :] * v2[None, :, :, :], 2)
                if DROPS:
                    place = ((g * KEYS + m)[:, None] * (WINDOW * WINDOW) + u) * pixels + x[None, :]
                    kept = _keep(base, place[None, :, :], multiplier[:, None, None], threshold)
                    by_weight = tl.where(kept, by_weight, 0.0)
                by_score = weight * (by_weight - mean[:, None, :])
                group_gradient += by_score
                plane_gradient = tl.sum(by_score, 1)
                shift = ((chunk * QUERIES + g) * (WINDOW * WINDOW) + u) * OUTPUTS
                tl.store(by_plane_score + (shift + v)[:, None] * pixels + x[None, :], plane_gradient, mask=known)
                content_gradient = tl.sum(tl.where(v_real[:, None, None], by_score, 0.0), 0)
                b1 += tl.sum(content_gradient[:, None, :] * k1, 0)
                b2 += tl.sum(content_gradient[:, None, :] * k2, 0)
                plane_gradient = tl.where(v_real[:, None], plane_gradient, 0.0)
                c1 += tl.sum(plane_gradient[:, None, :] * e1, 0)
                c2 += tl.sum(plane_gradient[:, None, :] * e2, 0)
            tl.store(by_group + places, group_gradient, mask=known[:, None, :])
        at_c = g * pixels + x[None, :]
        step = HEADS * QUERIES * pixels
        tl.store(by_query + first[:, None] * step + at_c, b1 * plain_scale, mask=_both(first < DEPTH, real))
        tl.store(by_query + second[:, None] * step + at_c, b2 * plain_scale, mask=_both(second < DEPTH, real))
        tl.store(by_part + p_first[:, None] * step + at_c, c1 * plain_scale, mask=_both(p_first < PLANE, real))
        tl.store(by_part + p_second[:, None] * step + at_c, c2 * plain_scale, mask=_both(p_second < PLANE, real))


@triton.jit(do_not_specialize=SIZES[:-1])
def backward_keys(
    query, key, value, plane, group, log_sum, means, by_out, seed, by_key, by_value,
    scale, threshold, factor, natural, HEADS, HEIGHT, WIDTH,
    DEPTH: tl.constexpr, D1: tl.constexpr, D2: tl.constexpr,
    PLANE: tl.constexpr, P1: tl.constexpr, P2: tl.constexpr,
    QUERIES: tl.constexpr, KEYS: tl.constexpr, OUTPUTS: tl.constexpr, K: tl.constexpr, V: tl.constexpr,
    WINDOW: tl.constexpr, DROPS: tl.constexpr, LANES: tl.constexpr,
):  # fmt: skip
    """Gradients by keys and values: each lane is a key's pixel y and meets the queries at x = y - u."""
    pixels = HEIGHT * WIDTH
    pair = tl.program_id(0).to(tl.int64)
    image, head = pair // HEADS, pair % HEADS
    y = tl.program_id(1) * LANES + tl.arange(0, LANES)
    real = y < pixels
    y = tl.max_contiguous(tl.minimum(y, pixels - 1), LANES)
    row, column = y // WIDTH, y % WIDTH
    m = tl.program_id(2) * K + tl.arange(0, K)
    first, second = tl.arange(0, D1), D1 + tl.arange(0, D2)
    p_first, p_second = tl.arange(0, P1), P1 + tl.arange(0, P2)
    query += image * (DEPTH * HEADS * QUERIES * pixels) + head * (QUERIES * pixels)
    keys_at = image * (DEPTH * HEADS * KEYS * pixels) + head * (KEYS * pixels)
    by_out += image * (DEPTH * HEADS * OUTPUTS * pixels) + head * (OUTPUTS * pixels)
    group += pair * (QUERIES * OUTPUTS * KEYS * pixels)
    log_sum += pair * (QUERIES * OUTPUTS * pixels)
    means += pair * (QUERIES * OUTPUTS * pixels)
    base = _key_of(seed, pair)
    k1 = _elements(key + keys_at, y, m, first, DEPTH, HEADS * KEYS * pixels, pixels)
    k2 = _elements(key + keys_at, y, m, second, DEPTH, HEADS * KEYS * pixels, pixels)
    v1 = _elements(value + keys_at, y, m, first, DEPTH, HEADS * KEYS * pixels, pixels)
    v2 = _elements(value + keys_at, y, m, second, DEPTH, HEADS * KEYS * pixels, pixels)
    b1 = tl.zeros((K, D1, LANES), tl.float32)
    b2 = tl.zeros((K, D2, LANES), tl.float32)
    c1 = tl.zeros((K, D1, LANES), tl.float32)
    c2 = tl.zeros((K, D2, LANES), tl.float32)
    for u in range(WINDOW * WINDOW):
        i, j = u // WINDOW - WINDOW // 2, u % WINDOW - WINDOW // 2
        inside = (row - i >= 0) & (row - i < HEIGHT) & (column - j >= 0) & (column - j < WIDTH)
        x = tl.max_contiguous(tl.where(inside, y - i * WIDTH - j, y), LANES)
        for block in range((OUTPUTS + V - 1) // V):
            v = block * V + tl.arange(0, V)
            v_real = v < OUTPUTS
            v = tl.minimum(v, OUTPUTS - 1)
            multiplier = _mixed(v.to(tl.uint32) * 0x9E3779B1 + 0x85EBCA6B) | 1
            known = v_real[:, None] & inside[None, :]
            o1 = _elements(by_out, x, v, first, DEPTH, HEADS * OUTPUTS * pixels, pixels) * factor
            o2 = _elements(by_out, x, v, second, DEPTH, HEADS * OUTPUTS * pixels, pixels) * factor
            by_weight = tl.sum(o1[:, None, :, :] * v1[None, :, :, :], 2)
            by_weight += tl.sum(o2[:, None, :, :] * v2[None, :, :, :], 2)
            at_plane = plane + (u * OUTPUTS + v)[:, None] * (P1 + P2)
            e1 = tl.load(at_plane + p_first[None, :])[:, :, None]
            e2 = tl.load(at_plane + p_second[None, :])[:, :, None]
            summed = tl.zeros((V, K, LANES), tl.float32)
            for g in range(QUERIES):
                q1 = _channels(query + g * pixels, x, first, DEPTH, HEADS * QUERIES * pixels) * scale
                q2 = _channels(query + g * pixels, x, second, DEPTH, HEADS * QUERIES * pixels) * scale
                r1 = _channels(query + g * pixels, x, p_first, PLANE, HEADS * QUERIES * pixels) * scale
                r2 = _channels(query + g * pixels, x, p_second, PLANE, HEADS * QUERIES * pixels) * scale
                at_v = g * OUTPUTS + v
                level = tl.load(log_sum + at_v[:, None] * pixels + x[None, :])
                mean = tl.load(means + at_v[:, None] * pixels + x[None, :])
                places = (at_v[:, None, None] * KEYS + m[None, :, None]) * pixels + x[None, None, :]
                score = tl.load(group + places)
                content = _dot(k1, k2, q1[None, :, :], q2[None, :, :])
                by_plane = _dot(e1, e2, r1[None, :, :], r2[None, :, :]) - level
                by_plane = tl.where(known, by_plane, float("-inf"))
                weight = tl.exp2(score + content[None, :, :] + by_plane[:, None, :])
                by_kept, kept_weight = by_weight, weight
                if DROPS:
                    place = ((g * KEYS + m)[:, None] * (WINDOW * WINDOW) + u) * pixels + x[None, :]
                    kept = _keep(base, place[None, :, :], multiplier[:, None, None], threshold)
                    by_kept = tl.where(kept, by_weight, 0.0)
                    kept_weight = tl.where(kept, weight, 0.0)
                summed += kept_weight
                content_gradient = tl.sum(weight * (by_kept - mean[:, None, :]), 0)
                b1 += content_gradient[:, None, :] * q1[None, :, :]
                b2 += content_gradient[:, None, :] * q2[None, :, :]
            c1 += tl.sum(summed[:, :, None, :] * o1[:, None, :, :], 0)
            c2 += tl.sum(summed[:, :, None, :] * o2[:, None, :, :], 0)
    all_real = real[None, :] & (m < KEYS)[:, None]
    step = HEADS * KEYS * pixels
    _store(by_key + keys_at, m * pixels, y, first, DEPTH, step, b1 * natural, all_real)
    _store(by_key + keys_at, m * pixels, y, second, DEPTH, step, b2 * natural, all_real)
    _store(by_value + keys_at, m * pixels, y, first, DEPTH, step, c1, all_real)
    _store(by_value + keys_at, m * pixels, y, second, DEPTH, step, c2, all_real)
