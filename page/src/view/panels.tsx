import type { ComponentChildren, JSX } from "preact";
import { useMemo } from "preact/hooks";
import type { Picture } from "../../../src/data/resample.js";
import { hiddenCount } from "../mask/grid.js";
import { attentionOf } from "../model/attention.js";
import type { State } from "../session/state.js";
import type { Props } from "./app.js";
import { Canvas } from "./canvas.js";
import { PatchGrid } from "./patch-grid.js";
import { rebuiltPicture } from "./rebuilt-picture.js";

function Panel({
  title,
  note,
  state,
  children,
}: {
  title: string;
  note: string;
  state: State;
  children: ComponentChildren;
}): JSX.Element {
  const { image } = state.description;
  return (
    <figure class="panel">
      <figcaption>
        <h2>{title}</h2>
        <span class="note">{note}</span>
      </figcaption>
      <div class="frame" style={{ aspectRatio: `${image.width} / ${image.height}` }}>
        {children}
      </div>
    </figure>
  );
}

export function MaskPanel({ session, state }: Props): JSX.Element {
  const { mask, picture } = state;
  const hidden = hiddenCount(mask);
  const note = `${hidden} of ${mask.length} patches hidden (${Math.round((100 * hidden) / mask.length)} %)`;
  return (
    <Panel title="Hide" note={note} state={state}>
      <Canvas picture={picture} label={`${state.pictureName || "The picture"}, under the mask`} />
      <PatchGrid session={session} state={state} />
    </Panel>
  );
}

export function FilledPanel({ state }: Props): JSX.Element {
  const { answer, everywhere, statistics, description, grid } = state;
  const picture = useMemo(
    () => (answer === undefined ? undefined : rebuiltPicture({ answer, everywhere, statistics, description, grid })),
    [answer, everywhere, statistics, description, grid],
  );
  const nothingSeen = hiddenCount(state.mask) === state.mask.length;
  return (
    <Panel title="Filled in" note={nothingSeen ? "at least one patch must be visible" : noteOf(state)} state={state}>
      {picture === undefined ? (
        <Waiting state={state} />
      ) : (
        <Canvas picture={picture} label="The picture as the model fills it in" />
      )}
      {state.isBusy && picture !== undefined && <span class="busy" aria-hidden="true" />}
    </Panel>
  );
}

function noteOf({ answer, isBusy }: State): string {
  if (isBusy && answer !== undefined) return "computing …";
  return answer === undefined ? "" : `in ${Math.max(1, Math.round(answer.milliseconds))} ms`;
}

function Waiting({ state }: { state: State }): JSX.Element {
  if (state.failure !== undefined) return <div class="empty">The model is missing.</div>;
  const isLoading = state.engine === undefined;
  return (
    <div class="empty">
      <label for="arrived">{isLoading ? "The model is being loaded" : "Computing"}</label>
      <progress id="arrived" {...(isLoading && state.progress > 0 ? { value: state.progress } : {})} />
    </div>
  );
}

export function OriginalPanel({ state }: Props): JSX.Element {
  const { picture, attention, answer, cell, description } = state;
  const heat = useMemo(
    () =>
      attention === undefined || answer?.attention === undefined
        ? undefined
        : attentionOf(answer.attention, answer.mask, { cell, head: attention.head, heads: description.model.heads }),
    [attention, answer, cell, description],
  );
  const isOn = attention !== undefined;
  const where = `row ${Math.floor(cell / state.grid.columns) + 1}, column ${(cell % state.grid.columns) + 1}`;
  const note = heat === undefined ? "hidden patches have no attention" : `of the patch at ${where}`;
  return (
    <Panel title={isOn ? "Attention" : "Original"} note={isOn ? note : nameOf(state)} state={state}>
      <Canvas picture={picture as Picture | undefined} label={isOn ? `Attention ${note}` : "The whole picture"} />
      {isOn && <Heat heat={heat} state={state} />}
    </Panel>
  );
}

function nameOf({ pictureName, example, description }: State): string {
  return example === undefined ? pictureName : `${pictureName} · ${example + 1} of ${description.examples.length}`;
}

/** The darker a patch, the less the chosen one attends to it. */
function Heat({ heat, state }: { heat: Float32Array | undefined; state: State }): JSX.Element {
  const { grid, cell } = state;
  return (
    <div class="cells heat" aria-hidden="true" style={{ gridTemplateColumns: `repeat(${grid.columns}, 1fr)` }}>
      {Array.from(state.mask, (_, one) => (
        <span
          key={one}
          class={one === cell ? "chosen" : ""}
          style={{ opacity: one === cell ? 1 : 0.86 * (1 - Math.sqrt(heat?.[one] ?? 0)) }}
        />
      ))}
    </div>
  );
}
