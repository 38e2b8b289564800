// Nothing is said here: next.config.mjs says it.
import { user } from "../../../letting.js";

export const dynamic = "force-dynamic";
export const GET = async () => Response.json(user);
