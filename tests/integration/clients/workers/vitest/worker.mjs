export default {
  async fetch(request, env) {
    const inputs = { prompt: "Tell me about lighthouses.", temperature: 0, stream: true };
    const stream = await env.AI.run("@cf/microsoft/phi-2", inputs);
    return new Response(stream, { headers: { "content-type": "text/event-stream" } });
  },
};
