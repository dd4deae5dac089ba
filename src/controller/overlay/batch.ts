interface Asked<In, Out> {
  readonly item: In;
  readonly answer: PromiseWithResolvers<Out>;
}

/** Gathers single wishes while the wishes before them are under way, and carries them out together. */
export class Batch<In, Out> {
  readonly #run: (items: readonly In[]) => Promise<readonly Out[]>;
  readonly #most: number;
  readonly #waiting: Asked<In, Out>[] = [];
  #running = false;

  /** `run` answers one result for each item, in order; what it rejects with, all of its items reject with. */
  constructor(most: number, run: (items: readonly In[]) => Promise<readonly Out[]>) {
    this.#most = most;
    this.#run = run;
  }

  ask(item: In): Promise<Out> {
    const answer = Promise.withResolvers<Out>();
    this.#waiting.push({ item, answer });
    if (!this.#running) {
      this.#running = true;
      // Whoever asks in the same breath comes along.
      queueMicrotask(() => void this.#work());
    }
    return answer.promise;
  }

  async #work(): Promise<void> {
    for (let batch = this.#waiting.splice(0, this.#most); batch.length > 0; batch = this.#waiting.splice(0, this.#most)) {
      try {
        const results = await this.#run(batch.map(({ item }) => item));
        batch.forEach(({ answer }, i) => {
          const result = results[i];
          if (result === undefined) answer.reject(new Error(`${batch.length} were asked for, and ${results.length} answered`));
          else answer.resolve(result);
        });
      } catch (error) {
        for (const { answer } of batch) answer.reject(error);
      }
    }
    this.#running = false;
  }
}
