"""A split at every angle: counted by hand, gone on with, called off, and the same on a cluster that loses a worker."""

import json
import os
import signal
import threading
import time

import numpy as np
import pytest
import torch

from e2viz import cli
from e2viz.data import reading
from e2viz.data.protocol import Split, Splits
from e2viz.data.tasks import TASKS
from e2viz.measure.over_data import OverData
from e2viz.models import build
from e2viz.train import over_angles
from e2viz.train.over_angles import answers_of, evaluate_over_angles, one_after_another, turn, turn_answers
from e2viz.zoo import catalogue
from e2viz.zoo.card import Card
from e2viz.zoo.weights import Model
from tests.data_sets import PLAIN
from tests.train.test_evaluation import BrightestQuarter, corner_split

CONFIG = {"image_size": 28, "width": 8, "mlp_width": 16, "heads": 2, "layers": 1}


@pytest.fixture
def spot():
    return Model(Card(name="spot.test", architecture="vit", data_set=PLAIN.at_size(12)), BrightestQuarter().eval())


@pytest.fixture
def vit():
    torch.manual_seed(0)
    card = Card(name="vit.mnist", architecture="vit", config=CONFIG, data_set=PLAIN, weights_checksum="1")
    return Model(card, build("vit", CONFIG).eval().requires_grad_(False))


def pictures(count=12):
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (count, 28, 28), generator=generator, dtype=torch.uint8)
    return Split(images, torch.arange(count) % 10, torch.zeros(count).double())


def test_every_quarter_turn_moves_the_spot_to_the_next_quarter(spot):
    found = evaluate_over_angles(spot, corner_split([0.0] * 3), angles=4)
    assert found.correct.tolist() == [3, 0, 0, 0] and found.always_right == 0 and found.flips[0] == 1.0
    # Counter-clockwise: upper left, lower left, lower right, upper right.
    assert [int(each[0].argmax()) for each in found.confusion] == [0, 2, 3, 1]
    assert found.data == "plain.12px" and found.images == 3 and found.model == "spot.test"


def test_parts_make_no_difference_and_are_not_computed_twice(vit, tmp_path):
    whole = turn_answers(vit, pictures(), turn(6))
    asked = []

    def counting(work, model, parts, angles_deg):
        asked.extend(parts)
        return one_after_another(work, model, parts, angles_deg)

    arguments = {"mapper": counting, "part_images": 5}
    parts = turn_answers(vit, pictures(), turn(6), tmp_path, **arguments)
    assert (parts.winners == whole.winners).all() and asked == [0, 1, 2]
    np.testing.assert_allclose(parts.confidence, whole.confidence, rtol=1e-5)
    turn_answers(vit, pictures(), turn(6), tmp_path, **arguments)
    assert asked == [0, 1, 2], "all three were kept"
    next(tmp_path.rglob("00001.npz")).unlink()
    turn_answers(vit, pictures(), turn(6), tmp_path, **arguments)
    assert asked == [0, 1, 2, 1]
    other = Model(Card(name="vit.mnist", architecture="vit", data_set=PLAIN, weights_checksum="2"), vit.network)
    turn_answers(other, pictures(), turn(6), tmp_path, **arguments)
    assert asked[4:] == [0, 1, 2], "other weights, other answers"


def test_two_threads_keep_one_part_and_a_damaged_one_is_computed_again(vit, tmp_path):
    answers = answers_of(vit, pictures(), turn(4))
    part = tmp_path / "one" / "00000.npz"
    threads = [threading.Thread(target=over_angles._keep, args=(part, answers)) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert (over_angles._kept(part.parent, {0: slice(0)})[0][0] == answers[0]).all()
    assert [each.name for each in part.parent.iterdir()] == [part.name]
    part.write_bytes(part.read_bytes()[:100])
    assert over_angles._kept(part.parent, {0: slice(0)}) == {}


def test_called_off_it_keeps_what_is_done(vit, tmp_path):
    reports = []

    def stop(done, total):
        reports.append((done, total))
        if done >= 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        turn_answers(vit, pictures(), turn(4), tmp_path, report=stop, part_images=5)
    assert reports == [(0, 12), (5, 12)]
    reports.clear()
    turn_answers(vit, pictures(), turn(4), tmp_path, report=lambda *told: reports.append(told), part_images=5)
    assert reports == [(5, 12), (10, 12), (12, 12)]


def test_a_limit_draws_evenly(vit):
    split = pictures(30)
    assert evaluate_over_angles(vit, split, angles=2, limit=10).images == 10
    rows = np.linspace(0, 29, 10).round().astype(int)
    expected = answers_of(vit, Split(split.images[rows], split.labels[rows], split.angles_deg[rows]), turn(2))[0]
    assert evaluate_over_angles(vit, split, angles=2, limit=10).correct.tolist() == (
        (expected == split.labels[rows].numpy()[:, None]).sum(0).tolist()
    )


def test_a_result_is_stored_for_its_weights_alone(vit, tmp_path):
    found = evaluate_over_angles(vit, pictures(), angles=4)
    over_angles.store(found, tmp_path)
    assert over_angles.stored(vit, tmp_path).to_json() == found.to_json()
    other = Model(Card(name="vit.mnist", architecture="vit", data_set=PLAIN, weights_checksum="2"), vit.network)
    assert over_angles.stored(other, tmp_path) is None


@pytest.fixture
def files(vit, monkeypatch):
    split = pictures()
    monkeypatch.setattr(catalogue, "load", lambda name: vit)
    monkeypatch.setattr(reading, "read_splits", lambda task, folder: Splits(split, split, split, split))
    assert "mnist" in TASKS
    return split


def test_the_command_line(files, vit, tmp_path, capsys):
    words = ["evaluate", "vit.mnist", "--over-angles", "--angles", "4", "--runs", str(tmp_path), "--device", "cpu"]
    assert cli.main([*words, "--output", str(tmp_path / "all.csv")]) == 0
    assert "right at all angles" in capsys.readouterr().out
    lines = (tmp_path / "all.csv").read_text().splitlines()
    assert lines[0].startswith("angle_deg,vit.mnist accuracy") and len(lines) == 5
    assert cli.main([*words, "--output", str(tmp_path / "all.svg")]) == 0
    assert (tmp_path / "all.svg").read_text().startswith("<")
    capsys.readouterr()
    assert cli.main([*words, "--json"]) == 0
    (held,) = json.loads(capsys.readouterr().out)
    assert OverData.from_json(json.dumps(held)).images == 12


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_a_cluster_that_loses_a_worker_finds_the_same(vit):
    """Real processes: one is killed while it works, and nothing of the result is missing."""
    pytest.importorskip("distributed")
    from dask.distributed import Client, LocalCluster

    from e2viz.train.cluster import workers

    split = pictures(60)
    expected = turn_answers(vit, split, turn(4), part_images=3)
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as cluster,
        Client(cluster) as client,
        workers(cluster.scheduler_address) as mapper,
    ):
        lost = []

        def kill(done, total):
            if 0 < done < total and not lost:
                address, worker = next(iter(client.scheduler_info()["workers"].items()))
                lost.append((address, client.run(os.getpid, workers=[address])[address]))
                os.kill(lost[0][1], signal.SIGKILL)

        found = turn_answers(vit, split, turn(4), mapper=mapper, report=kill, part_images=3)
        assert lost, "a worker was killed half way"
        for _ in range(100):
            if lost[0][0] not in client.scheduler_info()["workers"]:
                break
            time.sleep(0.1)
        assert lost[0][0] not in client.scheduler_info()["workers"]
    assert (found.winners == expected.winners).all()
    np.testing.assert_allclose(found.confidence, expected.confidence, rtol=1e-4)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_the_command_line_on_a_cluster_of_its_own(files, vit, tmp_path, capsys):
    pytest.importorskip("distributed")
    words = ["evaluate", "vit.mnist", "--over-angles", "--angles", "4", "--device", "cpu", "--json"]
    found = []
    for more in (["--runs", str(tmp_path / "one")], ["--runs", str(tmp_path / "two"), "--scheduler", "local"]):
        assert cli.main([*words, *more]) == 0
        found.append(json.loads(capsys.readouterr().out)[0])
    assert found[0]["correct"] == found[1]["correct"] and found[0]["confusion"] == found[1]["confusion"]
