import type { HTMLAttributes, JSX } from "preact";
import { useRef } from "preact/hooks";
import { cellAfterKey, cellAt, cellsBetween, underBrush } from "../mask/edit.js";
import type { Session } from "../session/session.js";
import type { State } from "../session/state.js";

/**
 * The patches as an ARIA grid over the picture: a hidden patch is a selected cell. One cell is in the tab order; arrow keys
 * move, space and enter hide or reveal, shift with an arrow paints along. Divisions with roles, since a table cannot be laid
 * over a picture cell by cell; axe judges them in the browser (page/test/browser).
 */
export function PatchGrid({ session, state }: { session: Session; state: State }): JSX.Element {
  const { grid, mask, cell: current } = state;
  const element = useRef<HTMLDivElement>(null);
  const stroke = useStroke(session, element);
  const focus = (cell: number): void => {
    session.choose({ cell });
    element.current?.querySelectorAll<HTMLElement>("[role=gridcell]")[cell]?.focus({ preventScroll: true });
  };
  const onKeyDown = (event: KeyboardEvent): void => pressKey(event, session, focus);
  return (
    <div
      ref={element}
      class="cells"
      role="grid"
      aria-label={`Patches of the picture, ${grid.rows} rows and ${grid.columns} columns; a selected patch is hidden`}
      aria-multiselectable="true"
      aria-rowcount={grid.rows}
      aria-colcount={grid.columns}
      style={{ gridTemplateColumns: `repeat(${grid.columns}, 1fr)`, gridTemplateRows: `repeat(${grid.rows}, 1fr)` }}
      onKeyDown={onKeyDown}
      {...stroke}
    >
      {Array.from({ length: grid.rows }, (_, row) => (
        <div role="row" key={row}>
          {Array.from({ length: grid.columns }, (_, column) => {
            const cell = row * grid.columns + column;
            const hidden = mask[cell] === 1;
            return (
              <div
                key={column}
                role="gridcell"
                class={hidden ? "hidden" : ""}
                aria-selected={hidden}
                aria-label={`Row ${row + 1}, column ${column + 1}, ${hidden ? "hidden" : "visible"}`}
                tabIndex={cell === current ? 0 : -1}
              />
            );
          })}
        </div>
      ))}
    </div>
  );
}

function pressKey(event: KeyboardEvent, session: Session, focus: (cell: number) => void): void {
  const { cell, grid, brush } = session.state;
  if (event.altKey || event.metaKey) return;
  if (event.key === " " || event.key === "Enter") {
    event.preventDefault();
    const hides = session.strokeHides(cell);
    session.beginStroke();
    session.paint(underBrush(cell, brush, grid), hides);
    return;
  }
  const next = cellAfterKey(cell, event.key, grid, event.ctrlKey);
  if (next === undefined) return;
  event.preventDefault();
  if (event.shiftKey) {
    const hides = session.strokeHides(cell, session.state.tool === "switch" ? "hide" : session.state.tool);
    session.beginStroke();
    session.paint(
      cellsBetween(cell, next, grid).flatMap((one) => underBrush(one, brush, grid)),
      hides,
    );
  }
  focus(next);
}

/** Pointer, finger or pen: a stroke paints every patch between the places that the pointer reports. */
function useStroke(
  session: Session,
  element: { readonly current: HTMLDivElement | null },
): HTMLAttributes<HTMLDivElement> {
  const stroke = useRef<{ last: number; hides: boolean } | undefined>(undefined);
  const cellUnder = (event: PointerEvent): number => {
    const box = (element.current as HTMLDivElement).getBoundingClientRect();
    return cellAt((event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height, session.state.grid);
  };
  const end = (): void => {
    stroke.current = undefined;
  };
  return {
    onPointerDown: (event) => {
      if (event.button !== 0 || !event.isPrimary) return;
      const cell = cellUnder(event);
      element.current?.setPointerCapture(event.pointerId);
      stroke.current = { last: cell, hides: session.strokeHides(cell) };
      session.choose({ cell });
      session.beginStroke();
      session.paint(underBrush(cell, session.state.brush, session.state.grid), stroke.current.hides);
    },
    onPointerMove: (event) => {
      const { grid, brush, cell: before } = session.state;
      const cell = cellUnder(event);
      if (cell !== before && (stroke.current !== undefined || session.state.attention !== undefined))
        session.choose({ cell });
      if (stroke.current === undefined || cell === stroke.current.last) return;
      const cells = cellsBetween(stroke.current.last, cell, grid).flatMap((one) => underBrush(one, brush, grid));
      stroke.current.last = cell;
      session.paint(cells, stroke.current.hides);
    },
    onPointerUp: end,
    onPointerCancel: end,
  };
}
