/** The last commit that knows no feature levels. A shallow clone lacks it. */
export const earlierCommit = process.env["XYLEM_TEST_BEFORE"] ?? "d1c3b8f";
