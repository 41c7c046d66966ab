CRON = "0 6 * * *"


def test_the_morning_sums_up_the_notes(worker, client, ai):
    ai.reply("Hay was bought, and a fence mended.")
    for note in ("Bought hay.", "Mended the fence."):
        assert client.post("/notes", content=note).status_code == 204
    assert client.get("/").text == "Nothing yet."
    assert worker.scheduled(CRON).result().outcome == "ok"
    assert client.get("/").text == "Hay was bought, and a fence mended."
    ai.assert_called_once_with(contains="Bought hay.\nMended the fence.")


def test_a_morning_without_notes_costs_nothing(worker, client, ai):
    assert worker.scheduled(CRON).result().outcome == "ok"
    assert client.get("/").text == "Nothing yet."
    ai.assert_no_calls()


def test_notes_are_summed_up_once(worker, client, ai):
    client.post("/notes", content="Bought hay.")
    for _ in range(2):
        worker.scheduled(CRON).result()
    assert len(ai.calls) == 1
