import { z } from "zod";
import { mae, maeConfig } from "./masked/mae.js";

/** The list of methods. A new one is a file and a line here. */
export const methods = { mae } as const;

export const methodConfig = z.discriminatedUnion("name", [maeConfig]);
