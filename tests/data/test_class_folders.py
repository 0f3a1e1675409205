"""Class folders in a directory, a zip or a tar: the same pictures from each, and nothing that points elsewhere."""

import io
import tarfile
import threading
import zipfile

import numpy as np
import pytest
import torch
from PIL import Image

from e2viz.data import class_folders, pictures
from e2viz.data.class_folders import members, read
from e2viz.data.data_set import DataSet
from e2viz.data.idx import DataError
from e2viz.data.reading import read_splits
from e2viz.data.tasks import task
from e2viz.train.pack import data_checksum

KNOWN = DataSet(
    name="pets", title="Pets", class_names=("big cat", "dog"), channels=3, size=8,
    mean=(0.5,) * 3, std=(0.25,) * 3, background=(0.25, 0.5, 0.75), files=("pets",),
)  # fmt: skip


def picture(seed, size=(8, 8)):
    pixels = np.random.RandomState(seed).randint(0, 256, (*size[::-1], 3), dtype=np.uint8)
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, "PNG")
    return content.getvalue()


FILES = {f"{part}/{name}/{index}.png": picture(index) for part in ("train", "test") for name, index in
         (("big_cat", 1), ("dog", 2), ("dog", 3))}  # fmt: skip


def make(folder, kind, files=FILES):
    if kind == "folder":
        for name, content in files.items():
            path = folder / "pets" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        return folder / "pets"
    path = folder / f"pets.{kind}"
    if kind == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in files.items():
                archive.writestr(name, content)
    else:
        with tarfile.open(path, f"w:{kind.partition('.')[2]}") as archive:
            for name, content in reversed(files.items()):
                entry = tarfile.TarInfo(name)
                entry.size = len(content)
                archive.addfile(entry, io.BytesIO(content))
    return path


@pytest.fixture(autouse=True)
def own_runs(monkeypatch, tmp_path):
    monkeypatch.setattr(class_folders.places, "runs", lambda: tmp_path / "runs")


@pytest.mark.parametrize("kind", ["folder", "zip", "tar.xz", "tar.gz", "tar"])
def test_every_source_gives_the_same_pictures_in_the_same_order(tmp_path, kind):
    found = read(make(tmp_path, kind), KNOWN)
    assert found.labels.tolist() == [0, 1, 1] * 2 and found.parts == ("test",) * 3 + ("train",) * 3
    with Image.open(io.BytesIO(FILES["train/dog/3.png"])) as image:
        assert torch.equal(found.images[5], torch.from_numpy(np.array(image)).permute(2, 0, 1))
    again = read(tmp_path / ("pets" if kind == "folder" else f"pets.{kind}"), KNOWN)
    assert torch.equal(again.images, found.images) and again.parts == found.parts


def test_decoded_pictures_are_kept_until_the_source_changes(tmp_path, monkeypatch):
    source = make(tmp_path, "folder")
    read(source, KNOWN)
    with monkeypatch.context() as patch:
        patch.setattr(class_folders, "members", lambda _: pytest.fail("read again"))
        read(source, KNOWN)
    (source / "train" / "dog" / "4.png").write_bytes(picture(4))
    assert len(read(source, KNOWN).labels) == 7


def test_decoded_pictures_that_were_damaged_are_made_again_and_two_threads_write_beside_each_other(tmp_path):
    source = make(tmp_path, "folder")
    expected = read(source, KNOWN)
    (kept,) = (tmp_path / "runs" / "decoded").glob("*.npz")
    kept.write_bytes(kept.read_bytes()[:200])
    assert torch.equal(read(source, KNOWN).images, expected.images)
    arrays = expected.images.numpy(), expected.labels.numpy(), expected.parts
    threads = [threading.Thread(target=class_folders._keep, args=(kept, *arrays)) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert torch.equal(read(source, KNOWN).images, expected.images)
    assert [path.name for path in kept.parent.iterdir()] == [kept.name]


def test_whatever_a_decoder_raises_names_the_picture(tmp_path, monkeypatch):
    import struct

    def broken(content, found):
        raise struct.error("unpack requires a buffer of 4 bytes")

    monkeypatch.setattr(class_folders, "_pixels", broken)
    with pytest.raises(DataError, match="cannot be read"):
        read(make(tmp_path, "folder"), KNOWN)


@pytest.mark.parametrize(
    "name", ["../train/dog/1.png", "/train/dog/1.png", "C:/train/dog/1.png", "train\\..\\..\\dog\\1.png"]
)
@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_a_name_that_points_out_is_refused(tmp_path, kind, name):
    with pytest.raises(DataError, match="stay inside"):
        list(members(make(tmp_path, kind, {name: picture(1)})))


def test_links_are_not_followed(tmp_path):
    outside = tmp_path / "secret.png"
    outside.write_bytes(picture(9))
    source = make(tmp_path, "folder", {"dog/1.png": picture(1)})
    (source / "dog" / "2.png").symlink_to(outside)
    path = tmp_path / "links.tar"
    with tarfile.open(path, "w") as archive:
        archive.add(source)
    assert [member.name for member in members(source)] == ["dog/1.png"]
    with tarfile.open(path, "w") as archive:
        for kind, name in (
            (tarfile.SYMTYPE, "dog/3.png"),
            (tarfile.LNKTYPE, "dog/4.png"),
            (tarfile.FIFOTYPE, "dog/5.png"),
        ):
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname = kind, str(outside)
            archive.addfile(entry)
    with pytest.raises(DataError, match="no class folders"):
        list(members(path))


def test_broken_pictures_are_named_and_unknown_classes_refused(tmp_path):
    with pytest.raises(DataError, match=r"dog/2\.png.*dog/3\.png"):
        read(make(tmp_path, "zip", {"dog/1.png": picture(1), "dog/2.png": b"no", "dog/3.png": picture(3)[:60]}), KNOWN)
    with pytest.raises(DataError, match="'bird'"):
        read(make(tmp_path, "tar", {"bird/1.png": picture(1)}), KNOWN)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 not a zip", b"\xfd7zXZ\x00damaged"])
def test_a_damaged_archive_says_so(tmp_path, content):
    path = tmp_path / "pets.zip"
    path.write_bytes(content)
    with pytest.raises(DataError, match="cannot be read|no class folders"):
        list(members(path))


def test_a_missing_source_says_what_to_give(tmp_path):
    with pytest.raises(DataError, match="does not exist"):
        list(members(tmp_path / "nothing"))


def test_a_member_larger_than_a_picture_may_be_is_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr(class_folders, "MAX_BYTES", 100)
    with pytest.raises(DataError, match="has more"):
        list(members(make(tmp_path, "zip", {"dog/1.png": bytes(101)})))


def test_other_sizes_are_cut_square_and_resized(tmp_path):
    found = read(make(tmp_path, "zip", {"dog/1.png": picture(1, (40, 20))}), KNOWN)
    assert found.images.shape == (1, 3, 8, 8) and found.parts == ("",)


def test_splits_are_made_by_a_fixed_seed_where_there_are_none(tmp_path):
    files = {f"{name}/{index}.png": picture(index) for name in ("big_cat", "dog") for index in range(20)}
    first, second = (pictures.load(KNOWN, "rotated", make(tmp_path, kind, files)) for kind in ("folder", "zip"))
    sizes = [
        len(split) for split in (first.train, first.validation, first.test, first.test_upright, first.test_quarter)
    ]
    assert sizes == [29, 3, 40, 8, 8]
    assert data_checksum(first) == data_checksum(second)
    assert first.train.angles_deg.min() > 0 and first.test_quarter.angles_deg.tolist() == [90.0] * 8


def test_upright_pictures_lie_in_the_disc_too(tmp_path):
    split = pictures.load(KNOWN, "upright", make(tmp_path, "zip")).test_upright
    corner = split.served(slice(0, 3))[:, :, 0, 0]
    torch.testing.assert_close(corner, torch.tensor(KNOWN.background).expand(3, 3), rtol=0, atol=1e-6)


CHECKSUMS = {
    "photos": "train:1097e6ab63b2a0ac validation:93e0cbe46bbe1fc6 test:a18b7809f62d65da "
    "test_upright:ca1113cfbe1b2fa6 test_quarter:3e6d2297a2feae6f",
    "rotphotos": "train:e25ed2161d8dd7d4 validation:749a5e7b4b36502d test:a18b7809f62d65da "
    "test_upright:ca1113cfbe1b2fa6 test_quarter:3e6d2297a2feae6f",
    "blood": "train:163d0a0ce9621a18 validation:7a0fe51b7cdeb10e test:09155319cd598c61 "
    "test_upright:1ea8b89affe3a0b5 test_quarter:8356c39324c11467",
    "rotblood": "train:72c17ac2ab743f5f validation:54833db860822668 test:09155319cd598c61 "
    "test_upright:1ea8b89affe3a0b5 test_quarter:8356c39324c11467",
}


@pytest.mark.slow
@pytest.mark.parametrize("tag", CHECKSUMS)
def test_the_protocol_is_pinned_and_the_table_holds_its_statistics(tag, cifar_and_blood):
    splits = read_splits(task(tag), cifar_and_blood)
    assert data_checksum(splits) == CHECKSUMS[tag]
    found = task(tag).data_set
    mean, std = pictures.channel_statistics(splits.train)
    assert [round(value, 4) for value in mean.tolist()] == list(found.mean) == list(found.background)
    assert [round(value, 4) for value in std.tolist()] == list(found.std)
