/** The little of WebAssembly that we use. TypeScript has it only together with all that browsers have. */
declare namespace WebAssembly {
  // oxlint-disable-next-line typescript/no-extraneous-class -- that is all there is to a module
  class Module {
    constructor(bytes: Uint8Array)
  }
  class Memory {
    /** Sizes in pages of 64 KiB. */
    constructor(sizes: { readonly initial: number; readonly maximum: number })
    readonly buffer: ArrayBuffer
  }
  class Instance {
    constructor(module: Module, imports: { readonly env: { readonly memory: Memory } })
    readonly exports: unknown
  }
}
