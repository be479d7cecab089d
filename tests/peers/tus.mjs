// The tus project's own client sends a file, breaks off when its server does, and goes on with what it noted.
// node tus.mjs FILE SERVER KEY [PLACE]; tells what it sees as lines of JSON.
import { createRequire } from 'node:module';
import { createReadStream, statSync } from 'node:fs';
import { basename } from 'node:path';

const require = createRequire(`${process.env.GANTRY_TUS_PACKAGES}/`);
const tus = require('tus-js-client');
const [file, server, key, place] = process.argv.slice(2);
const tell = (what) => console.log(JSON.stringify(what));

let first = true;
const upload = new tus.Upload(createReadStream(file), {
    endpoint: `${server}/v1/uploads`,
    uploadUrl: place ? server + place : null,
    uploadSize: statSync(file).size,
    chunkSize: 1024 * 1024,
    retryDelays: null,
    headers: { authorization: `Bearer ${key}` },
    metadata: { filename: basename(file), filetype: 'text/x.gcode' },
    onUploadUrlAvailable: () => tell({ place: new URL(upload.url).pathname }),
    onProgress: (sent) => { if (first) { tell({ from: sent }); first = false; } },
    onChunkComplete: (_, accepted) => tell({ accepted }),
    onAfterResponse: (_, response) => { const made = response.getHeader('gantry-file'); if (made) tell({ made }); },
    onSuccess: () => tell({ done: true }),
    onError: (error) => { tell({ broke: String(error.message).slice(0, 300) }); process.exitCode = 1; },
});
upload.start();
