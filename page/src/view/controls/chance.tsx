import type { JSX } from "preact";
import type { MaskKind } from "../../mask/draw.js";
import type { Props } from "../app.js";
import { Choice } from "./choice.js";

const kinds: readonly (readonly [MaskKind, string])[] = [
  ["random", "Random"],
  ["block", "Blocks"],
  ["grid", "Grid"],
];

/** A mask by chance: kind, share and seed. */
export function Chance({ session, state }: Props): JSX.Element {
  const { kind, ratio } = state.draw;
  const percent = Math.round(100 * ratio);
  return (
    <fieldset>
      <legend>By chance</legend>
      <Choice
        name="kind"
        title="Kind"
        options={kinds}
        value={kind}
        choose={(one) => session.drawAgain({ kind: one })}
      />
      <label class="field">
        <span>{kind === "grid" ? "Hidden: three of every four" : `Hidden: ${percent} %`}</span>
        <input
          type="range"
          min={5}
          max={95}
          step={1}
          value={percent}
          disabled={kind === "grid"}
          aria-valuetext={`${percent} percent hidden`}
          onInput={(event) => session.drawAgain({ ratio: Number(event.currentTarget.value) / 100 })}
        />
      </label>
      <Seed session={session} state={state} />
    </fieldset>
  );
}

function Seed({ session, state }: Props): JSX.Element {
  const { kind, seed } = state.draw;
  return (
    <div class="row">
      <label class="field short">
        <span>Seed</span>
        <input
          type="number"
          min={0}
          max={999999}
          step={1}
          value={seed}
          disabled={kind === "grid"}
          onInput={(event) => {
            const value = event.currentTarget.valueAsNumber;
            if (Number.isSafeInteger(value) && value >= 0) session.drawAgain({ seed: value });
          }}
        />
      </label>
      <button type="button" class="main" onClick={() => session.drawAgain({ seed: kind === "grid" ? seed : seed + 1 })}>
        Draw another
      </button>
    </div>
  );
}
