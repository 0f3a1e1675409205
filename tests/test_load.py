"""Several people at once speaking Streamlit’s protocol to one server: own answers, no errors, places given back."""

import asyncio

import pytest

from benchmarks.load import Person, crowd, drawing, served, visit

pytestmark = pytest.mark.slow
# Two minutes of work: every angle through 32 views of two networks.
HEAVY = "models=ge_vit_p4.rotmnist%2Bmean_c32,gsa_net_p4.rotmnist%2Bmean_c32&angles=120"


@pytest.fixture(scope="module")
def address():
    with served() as (address, _):
        yield address


def test_everybody_gets_their_own_answers(address):
    took = asyncio.run(crowd(address, 4))  # raises for an error, or for a picture that is somebody else's
    assert len(took) == 4 and all(set(each) == {"first figure", "turn", "GIF", "attention"} for each in took)


def test_nothing_of_one_session_is_seen_in_another(address):
    async def look() -> tuple[Person, Person]:
        async with Person(address, 50) as one, Person(address, 51) as other:
            await visit(one)
            await other.ask("", "")
            await other.until(lambda: other.page.finished, "the first page")
            files = [set(filter(None, each.page.files.values())) for each in (one, other)]
            assert files[0] and files[1] and not files[0] & files[1]
            assert all(len(each) >= 32 for each in files[0]), "names of files cannot be guessed"
            # The other one asks for a file in the first one's name.
            other.page.files["stolen"], other.session = one.page.files["GIF"], one.session
            with pytest.raises(RuntimeError, match="Invalid session ID"):
                await other.file("stolen")
            return one, other

    one, other = asyncio.run(look())
    assert one.session and one.page.headings[0] != other.page.headings[0]
    own = drawing(50).removeprefix("png.")[20:80].encode()
    assert not any(own in player for player in other.page.players)


def test_a_closed_tab_frees_its_place(address):
    async def turn(number: int) -> float:
        async with Person(address, number) as person:
            await person.ask("", f"picture={drawing(number)}&angles=24")
            return await person.until(lambda: person.page.players, "turn")

    async def closed() -> tuple[float, float]:
        alone_s = await turn(60)
        async with Person(address, 61) as heavy:
            await heavy.ask("", f"{HEAVY}&picture={drawing(61)}")
            await asyncio.sleep(2)
        return alone_s, await turn(62)

    alone_s, after_s = asyncio.run(closed())
    assert after_s < 3 * alone_s + 3, "the place was given back at once, not two minutes later"


def test_ten_tabs_of_one_browser_do_not_keep_another_waiting(address):
    async def many() -> tuple[list[float], float]:
        async def tab(number: int, browser: str) -> float:
            async with Person(address, number, browser) as person:
                await person.ask("", f"picture={drawing(number)}&angles=72")
                return await person.until(lambda: person.page.players, "turn")

        greedy = [asyncio.create_task(tab(70 + k, "greedy")) for k in range(10)]
        await asyncio.sleep(0.5)
        other_s = await tab(90, "other")
        return await asyncio.gather(*greedy), other_s

    greedy_s, other_s = asyncio.run(many())
    assert other_s < max(greedy_s), "whoever came last, alone, is not served last"
