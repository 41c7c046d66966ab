// What a user of a client sees of an error that it threw.
export function describe(error) {
  // The AI SDK reports the last error of several attempts.
  const { constructor, status, statusCode, message, responseBody, ...more } = error.lastError ?? error;
  const code = more.errors?.[0]?.code ?? more.code; // Cloudflare's SDK keeps all of its errors
  return { type: constructor.name, status: status ?? statusCode, message, body: responseBody, code };
}
