// The route of a user, which lets in pages of the origins that a function allows.
const asked = {
  "Access-Control-Allow-Methods": "GET, PUT",
  "Access-Control-Allow-Headers": "Content-Type, Authorization",
};

export const user = { name: "Ada" };

export function letting(allows) {
  const headers = (request) => {
    const origin = request.headers.get("origin");
    const letIn = { "Access-Control-Allow-Origin": origin, "Access-Control-Allow-Credentials": "true" };
    return { Vary: "Origin", ...(origin && allows(origin) ? letIn : {}) };
  };
  return {
    GET: async (request) => Response.json(user, { headers: headers(request) }),
    OPTIONS: async (request) =>
      new Response(null, { status: 204, headers: { ...headers(request), ...asked } }),
  };
}
