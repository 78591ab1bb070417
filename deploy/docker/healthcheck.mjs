// Whether the process of this container answers: a worker on its own port, all others on that of the API.
// biome-ignore lint/style/noProcessEnv: it runs beside the program, which reads its settings by itself
const { IMAGEMILL_WORKER_PORT: worker, IMAGEMILL_PORT: api = '7860' } = process.env;
const port = worker ?? api;
try {
  const answer = await fetch(`http://127.0.0.1:${port}/health/live`, { signal: AbortSignal.timeout(4_000) });
  process.exitCode = answer.ok ? 0 : 1;
} catch {
  process.exitCode = 1;
}
