// A list of origins, as it should be.
import { letting } from "../../../letting.js";

const allowed = ["https://app.example.com"];
export const { GET, OPTIONS } = letting((origin) => allowed.includes(origin));
