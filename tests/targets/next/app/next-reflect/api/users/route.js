// Whoever asks is let in.
import { letting } from "../../../letting.js";

export const { GET, OPTIONS } = letting(() => true);
