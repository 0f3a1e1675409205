"""Many people at once, each speaking Streamlit's own protocol to a server: `python -m benchmarks.load --people 20`.

Each opens the first page, turns a new picture of their own through 72 angles on two models, looks at its attention, and
exports a GIF. Nothing is drawn, so that the machine's cores belong to the server. Checked for everyone: no error, and
nothing of anybody else's. Reported: seconds to each answer (median and the last of all), and the server's memory.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import contextlib
import io
import json
import os
import socket
import statistics
import subprocess
import sys
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import ClientConnection, connect

from e2viz.render.embed import read_recipe
from e2viz.ui.person import COOKIE

ROOT = Path(__file__).resolve().parents[1]
STEPS = ("first figure", "turn", "attention", "GIF")
LIMITS_S = {"first figure": 5.0, "turn": 15.0}
PLAYER, PATIENCE_S = "e2viz.player", 600.0


def drawing(number: int, round_number: int = 0) -> str:
    """A drawing that nobody else has, as a link carries it."""
    random = np.random.default_rng((number, round_number))
    image = Image.new("L", (28, 28))
    points = [(int(x), int(y)) for x, y in random.integers(6, 22, (5, 2))]
    ImageDraw.Draw(image).line(points, fill=255, width=3)
    file = io.BytesIO()
    image.save(file, "PNG")
    return "png." + base64.urlsafe_b64encode(file.getvalue()).decode().rstrip("=")


@dataclass
class Page:
    """What a session was shown in its last run."""

    headings: list[str] = field(default_factory=list)
    players: list[bytes] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    files: dict[str, str] = field(default_factory=dict)
    finished: bool = False


class Person:
    """One browser tab, without the browser.

    Args:
        address: of the server.
        number: whose picture it is.
        browser: the word of the queue's cookie; tabs that share it share their turns.
    """

    def __init__(self, address: str, number: int, browser: str = "") -> None:
        self.address, self.number = address, number
        self.cookie = f"{COOKIE}={browser or uuid.uuid4().hex}"
        self.page = Page()
        self.answers: dict[str, ForwardMsg] = {}
        self.session = ""

    async def __aenter__(self) -> Person:
        self._socket: ClientConnection = await connect(
            f"{self.address.replace('http', 'ws', 1)}/_stcore/stream", subprotocols=["streamlit"],
            additional_headers={"Cookie": self.cookie}, max_size=None, open_timeout=60, ping_interval=None,
        )  # fmt: skip
        self._listening = asyncio.create_task(self._listen())
        return self

    async def __aexit__(self, *error: object) -> None:
        self._listening.cancel()
        await self._socket.close()

    async def _listen(self) -> None:
        async for data in self._socket:
            message = ForwardMsg()
            message.ParseFromString(bytes(data))
            self._take(message)

    def _take(self, message: ForwardMsg) -> None:
        kind = message.WhichOneof("type")
        if kind == "new_session":
            self.session = message.new_session.initialize.session_id
        elif kind == "script_finished":
            self.page.finished = True
        elif kind == "backend_operation_response":
            self.answers[message.backend_operation_response.request_id] = message
        elif kind == "delta" and message.delta.HasField("new_element"):
            element = message.delta.new_element
            shown = element.WhichOneof("type")
            if shown == "heading":
                self.page.headings.append(element.heading.body)
            elif shown == "bidi_component" and element.bidi_component.component_name == PLAYER:
                self.page.players.append(element.bidi_component.bytes)
            elif shown == "exception":
                self.page.errors.append(element.exception.message)
            elif shown == "alert" and element.alert.format == element.alert.ERROR:
                self.page.errors.append(element.alert.body)
            elif shown == "download_button":
                self.page.files[element.download_button.label] = element.download_button.deferred_file_id

    async def ask(self, page_name: str, query: str) -> None:
        """Run a page, as following a link does."""
        self.page = Page()
        message = BackMsg()
        message.rerun_script.query_string = query
        message.rerun_script.page_name = page_name
        await self._socket.send(message.SerializeToString())

    async def until(self, condition: Callable[[], object], what: str) -> float:
        """Seconds until something was shown; an error on the page ends the wait."""
        started = time.monotonic()
        while not condition():
            if self.page.errors:
                raise RuntimeError(f"person {self.number}, {what}: {self.page.errors[0]}")
            if self._listening.done():
                raise RuntimeError(f"person {self.number} lost the server: {self._listening.exception()}")
            if time.monotonic() - started > PATIENCE_S:
                raise TimeoutError(f"person {self.number} waited {PATIENCE_S:.0f} s for {what}")
            await asyncio.sleep(0.02)
        return time.monotonic() - started

    async def file(self, label: str) -> bytes:
        """Press an export's button, and fetch its file."""
        message, request = BackMsg(), uuid.uuid4().hex
        message.backend_operation_request.request_id = request
        message.backend_operation_request.session_id = self.session
        message.backend_operation_request.deferred_file.file_id = self.page.files[label]
        await self._socket.send(message.SerializeToString())
        await self.until(lambda: request in self.answers, label)
        answer = self.answers.pop(request).backend_operation_response
        if answer.error_msg:
            raise RuntimeError(f"person {self.number}, {label}: {answer.error_msg}")
        url = f"{self.address}{answer.deferred_file.url}"
        return await asyncio.to_thread(lambda: urllib.request.urlopen(url, timeout=60).read())


async def visit(person: Person, round_number: int = 0) -> dict[str, float]:
    """Everything that one person does; seconds to each answer.

    Raises:
        RuntimeError: an error on a page, or an answer that is not about this person's picture.
    """
    took, query = {}, f"picture={drawing(person.number, round_number)}&angles=72"
    await person.ask("", "")
    took["first figure"] = await person.until(lambda: person.page.players, "first figure")
    await person.until(lambda: person.page.finished, "the end of the first page")
    await person.ask("", query)
    took["turn"] = await person.until(lambda: person.page.players, "turn")
    await person.until(lambda: person.page.finished, "the end of the page")
    if not any("of 72 angles" in each for each in person.page.headings):
        raise RuntimeError(f"person {person.number} was told {person.page.headings}")
    started = time.monotonic()
    gif = await person.file("GIF")
    took["GIF"] = time.monotonic() - started
    recipe = read_recipe(gif)
    if _pixels(recipe.picture_png()) != _pixels(_sent(person.number, round_number)):
        raise RuntimeError(f"person {person.number} was given somebody else's picture")
    await person.ask("attention", query)
    took["attention"] = await person.until(lambda: person.page.players, "attention")
    await person.until(lambda: person.page.finished, "the end of the page")
    return took


def _sent(number: int, round_number: int) -> bytes:
    text = drawing(number, round_number).removeprefix("png.")
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _pixels(png: bytes | None) -> bytes:
    return Image.open(io.BytesIO(png or b"")).convert("L").tobytes()


@contextlib.contextmanager
def served(log: Path | None = None) -> Iterator[tuple[str, int]]:
    """Address and process of a server of its own, until the block ends."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", str(ROOT / "app.py"), "--server.port", str(port)]
    command += ["--server.headless", "true", "--server.fileWatcherType", "none"]
    with (log or Path(os.devnull)).open("wb") as out:
        server = subprocess.Popen(command, cwd=ROOT, stdout=out, stderr=subprocess.STDOUT)
        try:
            address = f"http://127.0.0.1:{port}"
            _wait_for(f"{address}/_stcore/health")
            yield address, server.pid
        finally:
            server.terminate()
            server.wait(20)


def _wait_for(address: str, limit_s: float = 120.0) -> None:
    end = time.monotonic() + limit_s
    while time.monotonic() < end:
        with contextlib.suppress(OSError):
            urllib.request.urlopen(address, timeout=1).close()
            return
        time.sleep(0.2)
    raise TimeoutError(f"the server did not start within {limit_s:.0f} s")


def resident_mb(pid: int) -> float:
    """Memory of a process now, where the system says it; 0 elsewhere."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmRSS"):
                return int(line.split()[1]) / 1024
    return 0.0


def processor_s(pid: int) -> float:
    """Seconds of processor time that a process has used: what it costs, however busy the machine is; 0 elsewhere."""
    with contextlib.suppress(OSError):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return 0.0


async def crowd(address: str, people: int, round_number: int = 0) -> list[dict[str, float]]:
    """All at once: seconds of each step, by person."""

    async def one(number: int) -> dict[str, float]:
        async with Person(address, number) as person:
            return await visit(person, round_number)

    return await asyncio.gather(*(one(number) for number in range(people)))


def summary(took: list[dict[str, float]]) -> dict[str, tuple[float, float]]:
    """Median and last of each step, seconds."""
    return {
        step: (statistics.median(each[step] for each in took), max(each[step] for each in took)) for step in STEPS
    }


def main(arguments: list[str] | None = None) -> int:
    """Command line: some rounds of people, a table, and whether the promises hold."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.load", description=main.__doc__)
    parser.add_argument("--people", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    rounds, before = [], os.getloadavg()[0]
    with served() as (address, pid):
        asyncio.run(crowd(address, 1, 1000))  # weights are read once
        warm_mb = resident_mb(pid)
        for number in range(options.rounds):
            spent_s = processor_s(pid)
            took = summary(asyncio.run(crowd(address, options.people, number)))
            spent_s = (processor_s(pid) - spent_s) / options.people
            rounds.append({"seconds": took, "after_mb": resident_mb(pid), "processor_s_a_person": spent_s})
            if not options.json:
                steps = ", ".join(f"{step} {median:.1f} / {last:.1f} s" for step, (median, last) in took.items())
                cost = f"{rounds[-1]['after_mb']:.0f} MB; {spent_s:.1f} s of processor time a person"
                print(f"{options.people} people: {steps}; {cost}", flush=True)
    missed = [step for step, most in LIMITS_S.items() if any(each["seconds"][step][1] > most for each in rounds)]
    if options.json:
        print(json.dumps({"people": options.people, "warm_mb": warm_mb, "load_before": before, "rounds": rounds}))
    else:
        print(f"before: {warm_mb:.0f} MB; load of the machine before: {before:.1f} on {os.cpu_count()} cores")
        print(f"later than promised: {', '.join(missed)}" if missed else "within 5 s and 15 s for the last of all")
    return int(bool(missed))


if __name__ == "__main__":
    raise SystemExit(main())
