"""LlamaIndex's embeddings of Workers AI, which have no setting for an address. `url` is Paddock's."""

from llama_index.embeddings.cloudflare_workersai import CloudflareEmbedding, base


def embed(url, text):
    base.API_URL_TEMPLATE = url + "/client/v4/accounts/{}/ai/run/{}"
    return CloudflareEmbedding(account_id="a", auth_token="any").get_text_embedding(text)
