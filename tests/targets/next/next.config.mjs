// What is said of whole paths here: one is opened to every page, though cookies were meant to work.
export default {
  turbopack: { root: import.meta.dirname },
  headers: async () => [
    {
      source: "/next-star/:path*",
      headers: [
        { key: "Access-Control-Allow-Credentials", value: "true" },
        { key: "Access-Control-Allow-Origin", value: "*" },
        { key: "Access-Control-Allow-Methods", value: "GET, PUT" },
        { key: "Access-Control-Allow-Headers", value: "Content-Type, Authorization" },
      ],
    },
  ],
};
