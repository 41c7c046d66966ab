def test_both_answers_come(client, ai):
    ai.reply("As any model.", "As you taught me.")
    assert client.get("/").json() == {"plain": "As any model.", "tuned": "As you taught me."}


def test_the_second_call_names_the_adapter(client, ai, env):
    client.get("/", params={"prompt": "Hello"})
    plain, tuned = ai.calls
    assert "lora" not in plain.inputs
    assert tuned.inputs["lora"] == env.ADAPTER
    assert plain.prompt == tuned.prompt


def test_a_failure_is_told(client, ai):
    ai.fail(3040)
    response = client.get("/")
    assert response.status_code == 502
    assert "3040" in response.json()["error"]
