/**
 * For servers that set no headers of their own: answers of this folder get the two that isolate the page, without which a
 * browser gives no shared memory, and so no threads. It stores nothing and asks nobody else.
 */
interface FetchEvent extends Event {
  readonly request: Request;
  respondWith(response: Promise<Response>): void;
}

const worker = self as unknown as {
  readonly clients: { claim(): Promise<void> };
  skipWaiting(): Promise<void>;
  addEventListener(name: string, listener: (event: Event) => void): void;
};

worker.addEventListener("install", () => void worker.skipWaiting());
worker.addEventListener("activate", () => void worker.clients.claim());
worker.addEventListener("fetch", (event) => {
  const { request } = event as FetchEvent;
  if (new URL(request.url).origin === location.origin) (event as FetchEvent).respondWith(isolated(request));
});

async function isolated(request: Request): Promise<Response> {
  const response = await fetch(request);
  if (response.status === 0) return response;
  const headers = new Headers(response.headers);
  headers.set("Cross-Origin-Opener-Policy", "same-origin");
  headers.set("Cross-Origin-Embedder-Policy", "require-corp");
  headers.set("Cross-Origin-Resource-Policy", "same-origin");
  return new Response(response.body, { status: response.status, statusText: response.statusText, headers });
}
