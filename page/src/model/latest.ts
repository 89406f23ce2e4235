/**
 * Runs one job at a time; of those that come meanwhile only the newest waits, and takes its turn. A stroke asks for a new
 * picture at every patch, and nobody wants to see the ones in between.
 */
export class Latest<Job, Result> {
  #waiting: { job: Job } | undefined;
  #running = false;

  constructor(
    private readonly run: (job: Job) => Promise<Result>,
    private readonly done: (result: Result, job: Job) => void,
    private readonly failed: (error: unknown, job: Job) => void,
  ) {}

  get idle(): boolean {
    return !this.#running;
  }

  submit(job: Job): void {
    this.#waiting = { job };
    if (!this.#running) void this.#drain();
  }

  async #drain(): Promise<void> {
    this.#running = true;
    while (this.#waiting !== undefined) {
      const { job } = this.#waiting;
      this.#waiting = undefined;
      try {
        this.done(await this.run(job), job);
      } catch (error) {
        this.failed(error, job);
      }
    }
    this.#running = false;
  }
}
