/** Vite answers the import of a picture with its address. */
declare module '*.svg' {
  const address: string
  export default address
}
