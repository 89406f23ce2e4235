/**
 * Threads need a page that is cross-origin isolated. `lacuna page` sends the headers for it; on any other server a service
 * worker adds them, after one reload. Where there is neither, the model computes in one thread.
 * @returns whether the page is about to reload
 */
export async function isolate(): Promise<boolean> {
  const tried = "lacuna: isolation was tried";
  if (crossOriginIsolated || !isSecureContext || !("serviceWorker" in navigator)) return false;
  try {
    if (sessionStorage.getItem(tried) !== null) return false;
    sessionStorage.setItem(tried, "yes");
    await navigator.serviceWorker.register("./service-worker.js");
    const ready = navigator.serviceWorker.ready.then(() => true);
    const tooLong = new Promise<boolean>((resolve) => void setTimeout(() => resolve(false), 3000));
    if (!(await Promise.race([ready, tooLong]))) return false;
  } catch {
    return false; // the browser forbids it, in a private window for instance
  }
  location.reload();
  return true;
}
