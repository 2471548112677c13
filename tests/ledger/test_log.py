import random
from pathlib import Path

import asyncpg
import pytest

from ledger import merkle, notes
from ledger.errors import HistoryLost
from ledger.keys import verifier_key
from ledger.notes import Checkpoint
from ledger.values import Kind, Leaf, Purpose, Registered
from scripts.verifier.merkle import root_of_proof
from tests.ledger.conftest import Opener


class Crashed(Exception):
    pass


def leaves(*numbers: int) -> list[Leaf]:
    return [Leaf(Kind.VERSION, b'{"n":%d}' % number) for number in numbers]


def proved(each: Registered, data: bytes) -> Checkpoint:
    """The checkpoint that the proof's own text leads to; fails unless the proof verifies."""
    head, _, note = each.proof.partition("\n\n")
    magic, index, *hashes = head.split("\n")
    checkpoint = notes.parse_checkpoint(note.partition("\n\n")[0] + "\n")
    assert (magic, index) == ("c2sp.org/tlog-proof@v1", f"index {each.index}")
    path = [notes.decode_base64(line, "hash") for line in hashes]
    assert root_of_proof(merkle.leaf_hash(data), each.index, checkpoint.size, path) == checkpoint.root
    return checkpoint


async def test_a_batch_gets_one_checkpoint_and_each_entry_a_proof(opener: Opener) -> None:
    async with opener() as ledger:
        batch = leaves(*range(5))
        registered = await ledger.log.append(batch)
        assert [each.index for each in registered] == [0, 1, 2, 3, 4]
        points = {proved(each, leaf.data) for each, leaf in zip(registered, batch, strict=True)}
        assert [point.size for point in points] == [5]
        latest = await ledger.log.latest()
        assert {latest.checkpoint} == points
        [record] = [each for each in (await ledger.log.keyring()).records if each.purpose == Purpose.LOG]
        body = notes.verify(latest.note, [verifier_key(record, ledger.origin)])
        assert notes.parse_checkpoint(body) == latest.checkpoint


async def test_a_known_leaf_keeps_its_index_and_its_proof(opener: Opener) -> None:
    async with opener() as ledger:
        first = await ledger.log.append(leaves(1, 2))
        again = await ledger.log.append(leaves(3, 2, 3))
        assert [(each.index, each.duplicate) for each in again] == [(2, False), (1, True), (2, False)]
        assert again[1].proof == first[1].proof
        assert (await ledger.log.latest()).checkpoint.size == 3


async def test_proofs_hold_across_tile_borders(opener: Opener) -> None:
    async with opener() as ledger:
        data = [b"%d" % number for number in range(600)]
        for start, end in ((0, 1), (1, 255), (255, 257), (257, 512), (512, 600)):
            await ledger.log.append([Leaf(Kind.VERSION, each) for each in data[start:end]])
        hashes = [merkle.leaf_hash(each) for each in data]
        draw = random.Random(7)  # noqa: S311  a seeded choice of cases
        for size in (1, 255, 256, 257, 511, 512, 513, 600):
            frontier = merkle.Frontier(0, [])
            for each in hashes[:size]:
                list(frontier.append(each))
            for index in {0, size - 1, draw.randrange(size)}:
                proof = await ledger.log.inclusion(index, size)
                assert proof.root == frontier.root()
                assert root_of_proof(hashes[index], index, size, proof.hashes) == frontier.root()
            second, consistency = await ledger.log.consistency(size, None)
            roots = (frontier.root(), (await ledger.log.latest()).checkpoint.root)
            assert second == 600
            assert merkle.verify_consistency(size, 600, consistency, roots)


async def test_two_processes_append_to_one_log_without_gaps_or_doubles(opener: Opener) -> None:
    async with opener("one") as one, opener("one") as two:
        ours = [await one.log.append(leaves(number)) for number in range(3)]
        theirs = [await two.log.append(leaves(number, number + 100)) for number in range(3)]
        assert [each.index for [each] in ours] == [0, 1, 2]
        assert [(a.index, b.index) for a, b in theirs] == [(0, 3), (1, 4), (2, 5)]


POINTS = ["sequencing", "sequenced", "integrating", "integrated", "signed", "published"]


@pytest.mark.parametrize("point", POINTS)
async def test_a_crash_at_any_point_loses_no_entry_and_forks_nothing(opener: Opener, point: str) -> None:
    armed = False

    async def crash(reached: str) -> None:
        if armed and reached == point:
            raise Crashed

    async with opener() as ledger:
        [before] = await ledger.log.append(leaves(1))
        earlier = await ledger.log.latest()
    async with opener(crash_point=crash) as ledger:
        armed = True
        with pytest.raises(Crashed):
            await ledger.log.append(leaves(2, 3))
    async with opener() as ledger:
        settled = await ledger.log.latest()
        registered = await ledger.log.append(leaves(2, 3, 4))
        assert settled.checkpoint.size == (1 if point == "sequencing" else 3)
        assert [each.index for each in registered] == [1, 2, 3]
        assert [each.duplicate for each in registered] == [point != "sequencing"] * 2 + [False]
        size, proof = await ledger.log.consistency(earlier.checkpoint.size, None)
        latest = (await ledger.log.latest()).checkpoint
        assert merkle.verify_consistency(1, size, proof, (earlier.checkpoint.root, latest.root))
        assert (await ledger.log.append(leaves(1)))[0].proof == before.proof


async def rewind(url: str, size: int) -> None:
    """What a restore from a backup leaves: the rows of that time."""
    connection = await asyncpg.connect(url)
    async with connection.transaction():
        for table in ("entries", "checkpoints", "subtrees"):
            await connection.execute(f"ALTER TABLE ledger.{table} DISABLE TRIGGER append_only")
        await connection.execute("DELETE FROM ledger.entries WHERE idx >= $1", size)
        await connection.execute("DELETE FROM ledger.checkpoints WHERE size > $1", size)
        rows = await connection.fetch("SELECT leaf_hash FROM ledger.entries ORDER BY idx")
        frontier = merkle.Frontier(0, [])
        for row in rows:
            list(frontier.append(row[0]))
        await connection.execute(
            "UPDATE ledger.state SET sequenced_size = $1, integrated_size = $1, integrated_peaks = $2",
            size,
            frontier.encode(),
        )
    await connection.close()


def given_keys(data_folder: Path) -> dict[str, str]:
    names = {"evidence": "MAESTRO_EVIDENCE_SIGNING_KEY", "log": "MAESTRO_LEDGER_SIGNING_KEY"}
    folder = data_folder / "ledger" / "keys"
    return {name: str(next(folder.glob(f"{purpose}-*"))) for purpose, name in names.items()}


async def counts(url: str) -> tuple[int, int]:
    connection = await asyncpg.connect(url)
    row = await connection.fetchrow(
        "SELECT (SELECT count(*) FROM ledger.entries), (SELECT count(*) FROM ledger.checkpoints)"
    )
    await connection.close()
    return row[0], row[1]


async def test_after_a_restore_from_an_older_backup_it_refuses_and_changes_nothing(
    opener: Opener, empty_database_url: str
) -> None:
    async with opener() as ledger:
        await ledger.log.append(leaves(1, 2))
        await ledger.log.append(leaves(3))
    await rewind(empty_database_url, 2)
    held = await counts(empty_database_url)
    async with opener() as ledger:
        with pytest.raises(HistoryLost, match="size 3 was signed, and the database, which holds 2 entries"):
            await ledger.log.append(leaves(4))
        assert await counts(empty_database_url) == held
        assert (await ledger.log.latest()).checkpoint.size == 2


async def test_a_running_process_notices_a_restore_too(opener: Opener, empty_database_url: str) -> None:
    async with opener() as ledger:
        await ledger.log.append(leaves(1, 2))
        await ledger.log.append(leaves(3))
        await rewind(empty_database_url, 2)
        with pytest.raises(HistoryLost):
            await ledger.log.append(leaves(4))


async def test_a_log_that_grew_differently_elsewhere_is_refused(opener: Opener, empty_database_url: str) -> None:
    async with opener("one") as ledger:
        await ledger.log.append(leaves(1, 2))
        await ledger.log.append(leaves(3))
    await rewind(empty_database_url, 2)
    async with opener("two", **given_keys(ledger.settings.data_folder)) as elsewhere:
        await elsewhere.log.append(leaves(7, 8, 9))
    async with opener("one") as ledger:
        with pytest.raises(HistoryLost, match="size 3 was signed, and the database, which holds 5 entries"):
            await ledger.log.append(leaves(4))


async def test_changed_hashes_underneath_are_not_signed_over(opener: Opener, empty_database_url: str) -> None:
    async with opener() as ledger:
        await ledger.log.append(leaves(1, 2, 3))
        connection = await asyncpg.connect(empty_database_url)
        async with connection.transaction():
            await connection.execute("ALTER TABLE ledger.entries DISABLE TRIGGER append_only")
            await connection.execute("UPDATE ledger.entries SET leaf_hash = sha256('x') WHERE idx = 2")
            await connection.execute("ALTER TABLE ledger.entries ENABLE TRIGGER append_only")
        await connection.close()
        with pytest.raises(HistoryLost):
            await ledger.log.append(leaves(4))
        assert (await ledger.log.latest()).checkpoint.size == 3


async def test_an_unreadable_witness_stops_signing(opener: Opener) -> None:
    async with opener() as ledger:
        await ledger.log.append(leaves(1))
        for content in (b"", b"\xff", b"log.test\n3\n", b"log.test\n3\nAAAA\n\n"):
            ledger.settings.witness_file.write_bytes(content)
            with pytest.raises(HistoryLost, match="witness"):
                await ledger.log.append(leaves(2))


async def test_a_new_database_under_an_old_data_folder_is_refused(opener: Opener, empty_database_url: str) -> None:
    async with opener() as ledger:
        await ledger.log.append(leaves(1))
    connection = await asyncpg.connect(empty_database_url)
    await connection.execute("DROP SCHEMA ledger CASCADE")
    await connection.close()
    async with opener(MAESTRO_LEDGER_ORIGIN="another.test") as ledger:
        with pytest.raises(HistoryLost, match=r"holds the log another\.test"):
            await ledger.log.append(leaves(1))


async def test_the_database_itself_refuses_to_forget(opener: Opener, empty_database_url: str) -> None:
    async with opener():
        connection = await asyncpg.connect(empty_database_url)
        for table in ("entries", "checkpoints", "subtrees", "keys"):
            for statement in ("DELETE FROM ledger.{}", "TRUNCATE ledger.{}"):
                with pytest.raises(asyncpg.RestrictViolationError, match="append-only"):
                    await connection.execute(statement.format(table))
        await connection.close()


async def test_the_service_has_no_right_to_change_what_was_appended(opener: Opener, empty_database_url: str) -> None:
    async with opener():
        connection = await asyncpg.connect(empty_database_url)
        await connection.execute("SET ROLE maestro_ledger")
        for statement in (
            "UPDATE ledger.entries SET idx = 1",
            "DELETE FROM ledger.checkpoints",
            "DROP TABLE ledger.keys",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(statement)
        await connection.close()
