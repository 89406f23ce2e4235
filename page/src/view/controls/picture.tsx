import type { JSX } from "preact";
import { useRef } from "preact/hooks";
import type { Props } from "../app.js";
import { savePng } from "../save-png.js";

export function PictureControls({ session, state }: Props): JSX.Element {
  const input = useRef<HTMLInputElement>(null);
  const { examples } = state.description;
  return (
    <section class="card" aria-labelledby="picture-title">
      <h2 id="picture-title">Picture</h2>
      <ul class="thumbs" aria-label="Examples">
        {examples.map(({ file, name }, example) => (
          <li key={file}>
            <button
              type="button"
              aria-pressed={example === state.example}
              title={name}
              onClick={() => void session.openExample(example)}
            >
              <img src={`./${file}`} alt={name} loading="lazy" width={48} height={48} />
            </button>
          </li>
        ))}
      </ul>
      <div class="row">
        <label class="button">
          <input
            ref={input}
            class="unseen"
            type="file"
            accept="image/*"
            onChange={({ currentTarget }) => {
              const file = currentTarget.files?.[0];
              if (file !== undefined) void session.openFile(file, file.name);
              currentTarget.value = ""; // the same file may be chosen again
            }}
          />
          Choose a picture
        </label>
        <button type="button" disabled={state.answer === undefined} onClick={() => void savePng(state)}>
          Download as PNG
        </button>
      </div>
      <p class="note">Or drop or paste one. It is cut to its middle and never leaves this computer.</p>
    </section>
  );
}
