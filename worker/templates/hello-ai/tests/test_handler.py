def test_a_question_is_answered(client, ai):
    ai.reply("A model.")
    assert client.get("/", params={"prompt": "Who are you?"}).json() == {"answer": "A model."}
    ai.assert_called_once_with(contains="Who are you?", max_tokens=200)


def test_a_question_is_needed(client, ai):
    response = client.get("/")
    assert response.status_code == 400
    assert "prompt" in response.json()["error"]
    ai.assert_no_calls()


def test_the_same_question_gets_the_same_made_up_answer(client):
    first, second = (client.get("/", params={"prompt": "Hello"}).json() for _ in range(2))
    assert first == second
