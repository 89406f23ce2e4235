import type { JSX } from "preact";
import type { Props } from "../app.js";

export function AttentionControls({ session, state }: Props): JSX.Element | null {
  const { model } = state.description;
  if (!model.outputs.includes("attention")) return null;
  const { attention } = state;
  return (
    <section class="card" aria-labelledby="attention-title">
      <h2 id="attention-title">Attention</h2>
      <label class="check">
        <input
          type="checkbox"
          checked={attention !== undefined}
          onChange={({ currentTarget }) =>
            session.choose({ attention: currentTarget.checked ? { head: undefined } : undefined })
          }
        />
        <span>Show where a patch looks</span>
      </label>
      <label class="field">
        <span>Head of the encoder's last block</span>
        <select
          disabled={attention === undefined}
          value={attention?.head ?? "all"}
          onChange={({ currentTarget: { value } }) =>
            session.choose({ attention: { head: value === "all" ? undefined : Number(value) } })
          }
        >
          <option value="all">mean of all {model.heads}</option>
          {Array.from({ length: model.heads }, (_, head) => (
            <option key={head} value={head}>
              {head + 1}
            </option>
          ))}
        </select>
      </label>
      <p class="note">
        Point at a visible patch, or move to it with the arrow keys. The encoder sees visible patches only; reveal all
        to see the attention over the whole picture.
      </p>
    </section>
  );
}
