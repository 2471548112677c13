from tests.workers.conftest import Reader, StartWorker
from tests.workers.seeding import accept, chain, document, publish


async def test_a_chain_completes_with_a_checkpoint_for_each_step(
    database_url: str, start_worker: StartWorker, reader: Reader
) -> None:
    version = await publish(database_url, document(chain(10)))
    ids = await accept(database_url, version, 3)

    async with start_worker() as worker:
        await worker.bell.ring("default", ids)
        await reader.until_status(ids, "completed")

    for execution_id in ids:
        rows = await reader.checkpoints(execution_id)
        assert [row["seq"] for row in rows] == list(range(1, len(rows) + 1))
        completed = [row["step_path"] for row in rows if row["step_path"] and row["status"] == "completed"]
        assert completed == [f"s{n}" for n in range(10)]
        assert {row["lease_epoch"] for row in rows} == {1}
