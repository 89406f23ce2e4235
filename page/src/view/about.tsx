import type { JSX } from "preact";
import type { Props } from "./app.js";

export function About({ state }: Props): JSX.Element {
  const { description, engine } = state;
  const { run, license, image, patch, model } = description;
  return (
    <footer>
      <details>
        <summary>About this page and its model</summary>
        <dl>
          <dt>Model</dt>
          <dd>
            {run.model}, {image.width} × {image.height} pixels in patches of {patch[1]} × {patch[0]},{" "}
            {(model.bytes / 1e6).toFixed(1)} MB
          </dd>
          <dt>Run</dt>
          <dd>
            {run.id}, step {run.step}, made with Lacuna {run.lacuna}
          </dd>
          <dt>License</dt>
          <dd>{license ?? "none is stated"}</dd>
          <dt>Computed by</dt>
          <dd>
            {engine === undefined
              ? "not loaded yet"
              : `${engine.name}; its numbers differ from libtorch's by at most ${engine.difference.toExponential(1)} here${engine.note === undefined ? "" : `. ${engine.note}`}`}
          </dd>
          <dt>Your pictures</dt>
          <dd>stay in this browser: the page sends nothing anywhere</dd>
          <dt>Keys</dt>
          <dd>
            In the grid: arrows move, space hides or reveals, shift with an arrow paints, Home and End go to a row's
            ends. Ctrl+Z takes back.
          </dd>
        </dl>
      </details>
    </footer>
  );
}
