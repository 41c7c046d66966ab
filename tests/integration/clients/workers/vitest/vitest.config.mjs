// As the README says. TESTER is the package: the older name of the same thing still comes from the registry.
import { defineConfig } from "vitest/config";

const { cloudflareTest } = await import(process.env.TESTER);

export default defineConfig({
  test: { testTimeout: 60_000 }, // the first call of a model loads it, which may take more than Vitest's 5 seconds
  plugins: [
    cloudflareTest({
      main: "./worker.mjs",
      remoteBindings: false,
      miniflare: {
        compatibilityDate: "2026-04-01",
        ai: { binding: "AI", remoteProxyConnectionString: new URL(process.env.PADDOCK) },
      },
    }),
  ],
});
