// Nobody is let in.
import { user } from "../../../letting.js";

export const dynamic = "force-dynamic";
export const GET = async () => Response.json(user);
