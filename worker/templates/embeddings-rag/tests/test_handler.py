import pytest

DOCUMENTS = {
    "hay": "Hay is in the barn.",
    "fence": "The fence was mended in May.",
    "horses": "There are four horses.",
    "water": "Water comes from the well.",
}
LLAMA = "@cf/meta/*"


@pytest.fixture
def documents(client):
    for name, text in DOCUMENTS.items():
        assert client.post(f"/documents/{name}", content=text).status_code == 204


def test_the_nearest_documents_go_into_the_prompt(client, ai, documents):
    ai.on(model=LLAMA).reply("In the barn.")
    found = client.get("/", params={"question": DOCUMENTS["hay"]}).json()
    assert found["answer"] == "In the barn."
    assert found["sources"][0] == "hay", "the reranker of tests counts the words that both have"
    assert len(found["sources"]) == 3
    assert DOCUMENTS["hay"] in ai.calls[-1].prompt


def test_a_document_may_be_replaced(client, ai, documents):
    ai.on(model=LLAMA).reply("Here.")
    client.post("/documents/hay", content="Hay is out.")
    assert client.get("/", params={"question": "Hay is out."}).json()["sources"][0] == "hay"
    assert "Hay is out." in ai.calls[-1].prompt


def test_without_documents_the_model_is_told_nothing(client, ai):
    ai.on(model=LLAMA).reply("I do not know.")
    assert client.get("/", params={"question": "Where?"}).json() == {"answer": "I do not know.", "sources": []}


@pytest.mark.parametrize(("method", "path"), [("GET", "/"), ("POST", "/documents/"), ("POST", "/documents/x")])
def test_what_is_missing_is_said(client, ai, method, path):
    response = client.request(method, path)
    assert response.status_code == 400
    assert response.json()["error"]
    ai.assert_no_calls()
