"""One model served by one to many vLLM OpenAI servers over HTTP, behind the contract of `protocol.Engine`."""
