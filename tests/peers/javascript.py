"""Stands in for the JavaScript worker that the RPC tests talk to, which Paddock cannot run: the same in Python."""

from workers import Request, Response, WorkerEntrypoint


class JsRpcTester(WorkerEntrypoint):
    """What the tests call over the binding `JsRpc`."""

    async def noArgs(self):
        return "hello from js"

    async def oneArg(self, value):
        return f"{value}"

    async def identity(self, value):
        return value

    async def handleResponse(self, response):
        assert isinstance(response, Response)
        return response

    async def handleRequest(self, request):
        assert isinstance(request, Request)
        return request

    async def newCounter(self):
        value = 0

        def add(amount=0):
            nonlocal value
            value += amount
            return value

        return add

    async def useCounter(self, counter):
        return await counter(10)
