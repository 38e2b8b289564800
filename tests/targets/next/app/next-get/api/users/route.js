// The list is held to where it reads; to what browsers ask before they write, Next.js answers itself.
import { letting } from "../../../letting.js";

export const { GET } = letting((origin) => origin === "https://app.example.com");
