import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { Session } from "../session/session.js";
import type { State } from "../session/state.js";
import { About } from "./about.js";
import { useDropAndPaste, useHash, useUndoKey } from "./arrivals.js";
import { AttentionControls } from "./controls/attention.js";
import { MaskControls } from "./controls/mask.js";
import { Neighbours } from "./controls/neighbours.js";
import { PictureControls } from "./controls/picture.js";
import { ShowControls } from "./controls/show.js";
import { FilledPanel, MaskPanel, OriginalPanel } from "./panels.js";
import { Status } from "./status.js";

/** What every part of the page is given. */
export interface Props {
  readonly session: Session;
  readonly state: State;
}

export function App({ session }: { session: Session }): JSX.Element {
  const [state, setState] = useState(session.state);
  useEffect(() => {
    setState(session.state);
    return session.subscribe(() => setState(session.state));
  }, [session]);
  const isOver = useDropAndPaste(session);
  useUndoKey(session);
  useHash(session, state);
  const props = { session, state };
  return (
    <>
      <header class="top">
        <div>
          <h1>{state.description.title}</h1>
          <p class="lead">Hide parts of a picture. The model fills them in, here in your browser.</p>
        </div>
        <Status {...props} />
      </header>
      <main>
        {state.failure !== undefined && (
          <p class="failure" role="alert">
            {state.failure}
          </p>
        )}
        <div class="panels">
          <MaskPanel {...props} />
          <FilledPanel {...props} />
          <OriginalPanel {...props} />
        </div>
        <div class="controls">
          <MaskControls {...props} />
          <PictureControls {...props} />
          <ShowControls {...props} />
          <AttentionControls {...props} />
          <Neighbours {...props} />
        </div>
      </main>
      <About {...props} />
      {isOver && <div class="drop">Drop the picture to open it</div>}
      <p class="unseen" role="status" aria-live="polite">
        {state.said}
      </p>
    </>
  );
}
