// A small GPT-2 that learns to write like a text, one character at a time.
//   example_gpt [FILE] [--layers 4] [--heads 4] [--width 128] [--context 128] [--batch 16] [--lr 0.002] [--dropout 0]
//               [--seconds 300 | --steps N] [--seed 1] [--checkpoint FILE] [--resume FILE] [--short]
// The rate warms up and falls along a cosine over the seconds of training, or over the steps. The last tenth of the
// text is kept for validation. A checkpoint is written at each tenth of the way; a run resumed from it goes on from
// there.
#include <shunt/insight/progress.hpp>
#include <shunt/io/checkpoint.hpp>
#include <shunt/shunt.hpp>

#include <chrono>
#include <cstdio>
#include <iostream>

#include "corpus.hpp"
#include "options.hpp"

int main(int argc, char** argv) try {
  const Options o = parse(argc, argv);
  const Corpus corpus(read(o.file), o.context);
  shunt::manual_seed(static_cast<std::uint64_t>(o.seed));
  Net net({.vocab = static_cast<std::int64_t>(corpus.alphabet.size()),
           .context = o.context,
           .layers = o.layers,
           .heads = o.heads,
           .width = o.width,
           .dropout = o.dropout});
  shunt::optim::AdamW optimizer(net.parameters(), {.lr = o.lr, .betas = {0.9, 0.99}, .weight_decay = 0.1});
  // The schedule counts thousandths of the way.
  shunt::optim::LinearWarmup schedule(
      optimizer,
      {.steps = 50, .then = shunt::optim::CosineAnnealing{.T_max = 950, .eta_min = o.lr / 10}, .start_factor = 0.02});
  std::int64_t step = 0;
  double seconds = 0;
  if (!o.resume.empty()) {
    const auto saved = shunt::io::load_checkpoint(o.resume);
    net.load_state_dict(saved["model"]);
    optimizer.load_state_dict(saved["optimizer"]);
    schedule.load_state_dict(saved["schedule"]);
    shunt::io::set_random_state(saved["random"]);
    step = saved["progress"].at("step").as<std::int64_t>().item();
    seconds = saved["progress"].at("seconds").as<double>().item();
  }
  std::printf("%zu characters, %zu kinds\n", static_cast<std::size_t>(corpus.training.numel()), corpus.alphabet.size());

  shunt::insight::Progress progress("training", 1000 - schedule.last_epoch());
  while (schedule.last_epoch() < 1000) {
    const auto start = std::chrono::steady_clock::now();
    const auto places = shunt::randint(0, corpus.training.numel() - o.context, {o.batch}).to_vector();
    optimizer.zero_grad();
    const auto loss = loss_at(net, corpus.training, places, o.context);
    loss.backward();
    shunt::optim::clip_grad_norm_(net.parameters(), 1.0);
    optimizer.step();
    ++step;
    seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();

    const double share = o.steps > 0 ? static_cast<double>(step) / static_cast<double>(o.steps) : seconds / o.seconds;
    const auto tenth = schedule.last_epoch() / 100;
    while (static_cast<double>(schedule.last_epoch()) < std::min(1000.0, 1000 * share)) {
      schedule.step();
      progress.step(std::to_string(static_cast<double>(loss.item()) / std::log(2.0)) + " bits a character");
    }
    if (schedule.last_epoch() / 100 == tenth) continue;
    std::printf("step %6lld  %6.1f s  validation %.4f bits a character\n", static_cast<long long>(step), seconds,
                validate(net, corpus.validation, o.context, o.batch));
    std::fflush(stdout);
    if (o.checkpoint.empty()) continue;
    shunt::io::save_checkpoint(
        o.checkpoint,
        {{"model", net.state_dict()},
         {"optimizer", optimizer.state_dict()},
         {"schedule", schedule.state_dict()},
         {"random", shunt::io::random_state()},
         {"progress",
          {{"step", shunt::from_vector<std::int64_t>({step})}, {"seconds", shunt::from_vector<double>({seconds})}}}});
  }
  progress.finish();

  const Ids prompt = corpus.validation.slice(0, 0, o.context / 4).unsqueeze(0);
  const auto written =
      net.generate(prompt, {.max_new_tokens = o.context - prompt.size(1), .temperature = 0.8, .top_p = 0.95});
  std::cout << corpus.decode(written[0]) << '\n';
} catch (const std::exception& e) {
  std::cerr << "example_gpt: " << e.what() << '\n';
  return 1;
}
