/** What comes from outside the page's own controls: dropped and pasted files, addresses, the undo key. */
import { useEffect, useState } from "preact/hooks";
import type { Session } from "../session/session.js";
import type { State } from "../session/state.js";

/** Opens pictures that are dropped or pasted anywhere. @returns whether a file hovers over the page */
export function useDropAndPaste(session: Session): boolean {
  const [isOver, setOver] = useState(false);
  useEffect(() => {
    const open = (files: FileList | undefined): boolean => {
      const file = files?.[0];
      if (file !== undefined) void session.openFile(file, file.name || "the pasted picture");
      return file !== undefined;
    };
    const listeners: Record<string, (event: Event) => void> = {
      dragover: (event) => {
        event.preventDefault();
        setOver((event as DragEvent).dataTransfer?.types.includes("Files") === true);
      },
      dragleave: (event) => {
        if ((event as DragEvent).relatedTarget === null) setOver(false);
      },
      drop: (event) => {
        event.preventDefault();
        setOver(false);
        open((event as DragEvent).dataTransfer?.files);
      },
      paste: (event) => {
        if (open((event as ClipboardEvent).clipboardData?.files)) event.preventDefault();
      },
    };
    for (const [name, listener] of Object.entries(listeners)) addEventListener(name, listener);
    return () => {
      for (const [name, listener] of Object.entries(listeners)) removeEventListener(name, listener);
    };
  }, [session]);
  return isOver;
}

/** Ctrl+Z or ⌘Z, but not while something is typed. */
export function useUndoKey(session: Session): void {
  useEffect(() => {
    const listener = (event: KeyboardEvent): void => {
      const isTyping = event.target instanceof HTMLInputElement && event.target.type === "number";
      if (event.key !== "z" || !(event.ctrlKey || event.metaKey) || event.shiftKey || isTyping) return;
      event.preventDefault();
      session.undo();
    };
    addEventListener("keydown", listener);
    return () => removeEventListener("keydown", listener);
  }, [session]);
}

/** The address follows the page a moment after a change, and the page follows the address. */
export function useHash(session: Session, { mask, example, everywhere, statistics, engine }: State): void {
  useEffect(() => {
    const follow = (): void => void session.follow(location.hash);
    addEventListener("hashchange", follow);
    return () => removeEventListener("hashchange", follow);
  }, [session]);
  useEffect(() => {
    if (engine === undefined) return;
    const timer = setTimeout(() => history.replaceState(null, "", session.hash()), 400);
    return () => clearTimeout(timer);
  }, [session, mask, example, everywhere, statistics, engine]);
}
