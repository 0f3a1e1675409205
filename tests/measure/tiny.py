"""Small networks written by hand, right and wrong in known ways, so that measurements are tried without a zoo."""

import torch
from torch import nn
from torch.nn import functional as F

from e2viz.groups import group as find_group
from e2viz.nn.probe import AttentionProbe, Probe, name_probes


class GroupConvolutions(nn.Module):
    """Lifting and group convolution on any exact group (Cohen & Welling 2016), or one of its wrong versions.

    wrong: "" is equivariant; "axis" does not move the kernel's group axis; "plane" does not turn the kernels;
    "constant" ignores the image; "pointwise" looks at single pixels; "isotropic" has no direction.
    """

    def __init__(self, group="c4", wrong="", channels=1, classes=10, seed=0):
        super().__init__()
        self.group, self.wrong = find_group(group), wrong
        generator = torch.Generator().manual_seed(seed)
        self.lift = nn.Parameter(torch.randn(3, channels, 3, 3, generator=generator))
        self.mix = nn.Parameter(torch.randn(4, 3, self.group.order, 3, 3, generator=generator) / 3)
        self.head = nn.Linear(4, classes)
        nn.init.normal_(self.head.weight, generator=generator)
        self.image_probe, self.lifting_probe = Probe("image"), Probe("feature_map")
        self.mixed_probe, self.votes_probe = Probe("feature_map"), Probe("group_vector")
        self.embedding_probe, self.logits_probe = Probe("vector"), Probe("logits")
        name_probes(self)
        self.eval()

    def kernels(self):
        lift, mix = self.lift, self.mix
        if self.wrong in ("pointwise", "isotropic"):
            keep = torch.zeros(3, 3).index_put((torch.tensor(1), torch.tensor(1)), torch.tensor(1.0))
            keep = keep if self.wrong == "pointwise" else torch.ones(3, 3)
            lift, mix = lift.mean((-2, -1), keepdim=True) * keep, mix.mean((-3, -2, -1), keepdim=True) * keep
            mix = mix.expand(-1, -1, self.group.order, -1, -1)
        act = (lambda kernel, _: kernel) if self.wrong == "plane" else self.group.act_on_plane
        mixing = act if self.wrong == "axis" else self.group.act_on_feature_map
        mixing = act if self.wrong == "plane" else mixing
        elements = self.group.elements
        return torch.stack([act(lift, e) for e in elements], 1), torch.stack([mixing(mix, e) for e in elements], 1)

    def forward(self, images):
        lift, mix = (kernel.to(images) for kernel in self.kernels())
        images = self.image_probe(images)
        if self.wrong == "constant":
            images = torch.ones_like(images)
        maps = F.conv2d(images, lift.flatten(0, 1), padding=1).unflatten(1, (3, -1)).tanh()
        if self.wrong == "constant":
            maps = torch.ones_like(maps)
        maps = self.lifting_probe(maps)
        mixed = F.conv2d(maps.flatten(1, 2), mix.flatten(2, 3).flatten(0, 1), padding=1).unflatten(1, (4, -1))
        mixed = self.mixed_probe(F.avg_pool2d(mixed.flatten(1, 2).tanh(), 2).unflatten(1, (4, -1)))
        votes = self.votes_probe(mixed.square().mean((-2, -1)))
        return self.logits_probe(self.head(self.embedding_probe(votes.amax(-1))))


class Patches(nn.Module):
    """A class token and patch tokens, mixed by one attention layer: no symmetry, all token kinds of probe."""

    def __init__(self, seed=0, grid=4, width=6):
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        self.embed = nn.Conv2d(1, width, 2, 2)
        self.position = nn.Parameter(torch.randn(1 + grid**2, width, generator=generator))
        self.head = nn.Linear(width, 10)
        self.attention_probe, self.probe = Probe("token_attention"), Probe("tokens")
        self.logits_probe = Probe("logits")
        name_probes(self)
        self.probe.name = "tokens"
        for parameter in self.parameters():
            nn.init.normal_(parameter, generator=generator)
        self.eval()

    def forward(self, images):
        patches = self.embed(images).flatten(2).transpose(1, 2)
        tokens = F.pad(patches, (0, 0, 1, 0)) + self.position
        weights = self.attention_probe((tokens @ tokens.transpose(1, 2) / 6).softmax(-1)[:, None])
        tokens = self.probe(tokens + weights[:, 0] @ tokens)
        return self.logits_probe(self.head(tokens[:, 0]))


class WindowAttention(nn.Module):
    """Gives attention-like maps of both layouts that move with the picture: products of a lifted feature map."""

    def __init__(self, group="c4"):
        super().__init__()
        self.convolutions = GroupConvolutions(group)
        self.lifting_attention_probe, self.group_attention_probe = AttentionProbe(), AttentionProbe()
        name_probes(self)
        self.eval()

    def windows(self, maps, pixels):
        rows, columns = pixels.T
        padded = F.pad(maps, (1, 1, 1, 1))
        offsets = torch.arange(3)
        return padded[..., (rows[:, None] + offsets)[:, :, None], (columns[:, None] + offsets)[:, None]]

    def forward(self, images):
        lift, _ = (kernel.to(images) for kernel in self.convolutions.kernels())
        maps = F.conv2d(images, lift.flatten(0, 1), padding=1).unflatten(1, (3, -1))
        everywhere = torch.cartesian_prod(*(torch.arange(size) for size in images.shape[-2:]))

        def lifting(pixels):
            chosen = everywhere if pixels is None else pixels
            return self.windows(maps, chosen)

        def on_group(pixels):
            chosen = everywhere if pixels is None else pixels
            key = self.windows(maps, chosen)
            here = maps[..., chosen[:, 0], chosen[:, 1]]
            return torch.einsum("bcvn,bcgn,bcmnij->bcvgnmij", here.sin(), here, key)

        self.lifting_attention_probe(lifting)
        self.group_attention_probe(on_group)
        return self.convolutions(images)
