import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { Tool } from "../../session/state.js";
import type { Props } from "../app.js";
import { Chance } from "./chance.js";
import { Choice } from "./choice.js";

const tools: readonly (readonly [Tool, string])[] = [
  ["switch", "Switch"],
  ["hide", "Hide"],
  ["reveal", "Reveal"],
];
const brushes: readonly (readonly [number, string])[] = [
  [1, "1"],
  [2, "2"],
  [3, "3"],
];

export function MaskControls(props: Props): JSX.Element {
  const { session, state } = props;
  const [copied, setCopied] = useState("");
  return (
    <section class="card" aria-labelledby="mask-title">
      <h2 id="mask-title">Mask</h2>
      <Choice
        name="tool"
        title="A stroke"
        options={tools}
        value={state.tool}
        choose={(tool) => session.choose({ tool })}
      />
      <Choice
        name="brush"
        title="Brush, in patches"
        options={brushes}
        value={state.brush}
        choose={(brush) => session.choose({ brush })}
      />
      <div class="row">
        <button type="button" onClick={() => session.replaceMask("reveal")}>
          Reveal all
        </button>
        <button type="button" onClick={() => session.replaceMask("invert")}>
          Invert
        </button>
        <button type="button" onClick={() => session.undo()} disabled={state.past.length === 0}>
          Undo
        </button>
      </div>
      <Chance {...props} />
      <div class="row">
        <button type="button" onClick={() => void copyLink(props).then(setCopied)}>
          Copy a link to this mask
        </button>
      </div>
      <p class="note" role="status">
        {copied}
      </p>
    </section>
  );
}

async function copyLink({ session, state }: Props): Promise<string> {
  const address = new URL(session.hash(), location.href).href;
  history.replaceState(null, "", address);
  const own = state.example === undefined ? " Your picture stays here: the link holds the mask alone." : "";
  try {
    await navigator.clipboard.writeText(address);
    return `The link is copied.${own}`;
  } catch {
    return `The address of this page is the link now.${own}`;
  }
}
