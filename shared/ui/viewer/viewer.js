// Shows the API of this very door in Scalar's viewer, with everything switched off that would call or lead elsewhere.

// A library in it would else try whether it may compile code, which our policy forbids and a browser reports.
globalThis.__zod_globalConfig = { jitless: true };

addEventListener('DOMContentLoaded', () => {
  globalThis.Scalar.createApiReference('#docs', {
    url: '/openapi.json',
    favicon: '/icon.svg',
    defaultOpenAllTags: true,
    documentDownloadType: 'none',
    hideClientButton: true,
    showDeveloperTools: 'never',
    withDefaultFonts: false,
    telemetry: false,
    agent: { disabled: true },
    mcp: { disabled: true },
  });
});
