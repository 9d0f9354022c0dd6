// Answers every request; the smallest Node.js function behind an API.
export const handler = async () => ({ statusCode: 200, body: "success" });
