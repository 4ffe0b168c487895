import { concatBytes } from "../bytes.ts";

/** A transformation of bytes, fed piece by piece. Disposing of it frees what it holds, ended or not. */
export interface Coder extends Disposable {
  /** Takes the next piece of the input and gives the output that is ready. */
  update(piece: Uint8Array): Uint8Array<ArrayBuffer>;
  /** Ends the input and gives the rest of the output. Called once, last. */
  end(): Uint8Array<ArrayBuffer>;
}

/** The most input that goes through a coder at a time, so that one step stays short. */
const PIECE_BYTES = 256 * 1024;

/** A stream that runs a coder of its own, opened when the first byte or the end arrives. */
export function streamThrough(open: () => Coder): TransformStream<Uint8Array, Uint8Array> {
  let coder: Coder | undefined;
  const dispose = (): void => {
    coder?.[Symbol.dispose]();
    coder = undefined;
  };
  const run = (step: () => void): void => {
    try {
      step();
    } catch (error) {
      dispose();
      throw error;
    }
  };
  return new TransformStream({
    transform: (chunk, controller) =>
      run(() => {
        coder ??= open();
        for (const piece of piecesOf(chunk)) enqueue(controller, coder.update(piece));
      }),
    flush: (controller) =>
      run(() => {
        coder ??= open();
        enqueue(controller, coder.end());
        dispose();
      }),
    cancel: dispose,
  });
}

/** Runs `coder` over `input` and disposes of it. */
export function codeAtOnce(coder: Coder, input: Uint8Array): Uint8Array<ArrayBuffer> {
  using running = coder;
  const parts = [...piecesOf(input)].map((piece) => running.update(piece));
  return concatBytes(...parts, running.end());
}

function enqueue(
  controller: TransformStreamDefaultController<Uint8Array>,
  output: Uint8Array,
): void {
  if (output.length > 0) controller.enqueue(output);
}

function* piecesOf(input: Uint8Array): Generator<Uint8Array> {
  for (let offset = 0; offset < input.length; offset += PIECE_BYTES) {
    yield input.subarray(offset, offset + PIECE_BYTES);
  }
}
