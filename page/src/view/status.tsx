import type { JSX } from "preact";
import type { Props } from "./app.js";

/** Where the model computes, and what went wrong last. */
export function Status({ session, state }: Props): JSX.Element {
  const { engine, notice, progress, failure } = state;
  const threads = engine?.threads ?? 1;
  const text =
    engine === undefined
      ? `loading ${Math.round(100 * progress)} %`
      : `${engine.name}${engine.name === "Wasm" ? `, ${threads} thread${threads === 1 ? "" : "s"}` : ""}`;
  return (
    <div class="status">
      <span class={`badge ${engine === undefined ? "" : "ready"}`} title="Where the model computes">
        {failure === undefined ? text : "not loaded"}
      </span>
      {notice !== undefined && (
        <p class="notice" role="alert">
          {notice}{" "}
          <button type="button" class="plain" onClick={() => session.dismiss()} aria-label="Close this message">
            ×
          </button>
        </p>
      )}
    </div>
  );
}
