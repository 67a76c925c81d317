// With `{ type: "file" }` Bun gives the path of the file, in a compiled executable too.
declare module "*.py" {
  const path: string;
  export default path;
}
declare module "*.npz" {
  const path: string;
  export default path;
}
