// ONNX Runtime, through its package for Node.js: one session a case, all optimizations on.
'use strict';
const fs = require('fs');
const path = require('path');
const readline = require('readline');
const ort = require('onnxruntime-node');

const models = process.env.PEERS_MODELS || '.';
const random = (dims) => {
  const x = new Float32Array(dims.reduce((a, b) => a * b));
  return new ort.Tensor('float32', x.map(() => Math.random() - 0.5), dims);
};
const tokens = () => new ort.Tensor('int64', BigInt64Array.from({length: 128}, (_, i) => BigInt(i * 391)), [1, 128]);
const cases = {
  'infer/imagenet18': ['resnet18', () => random([1, 3, 224, 224])],
  'infer/imagenet50': ['resnet50', () => random([1, 3, 224, 224])],
  'infer/gpt2': ['gpt2', tokens],
};

let session, feeds;

async function prepare(name, threads) {
  if (session) await session.release();
  session = undefined;
  if (!(name in cases)) return 'none';
  const [model, input] = cases[name];
  const file = path.join(models, model + '.onnx');
  if (!fs.existsSync(file)) return `none ${file} is missing`;
  session = await ort.InferenceSession.create(file, {
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    graphOptimizationLevel: 'all',
  });
  feeds = {[session.inputNames[0]]: input()};
  for (let warm = 0; warm < 2; ++warm) await session.run(feeds);
  return 'ready nan ';
}

async function run(repetitions) {
  const before = process.resourceUsage().involuntaryContextSwitches;
  const start = process.hrtime.bigint();
  for (let i = 0; i < repetitions; ++i) await session.run(feeds);
  const seconds = Number(process.hrtime.bigint() - start) * 1e-9;
  return `${seconds} ${process.resourceUsage().involuntaryContextSwitches - before}`;
}

async function main() {
  const version = require('onnxruntime-node/package.json').version;
  for await (const line of readline.createInterface({input: process.stdin})) {
    const [word, ...rest] = line.split(' ');
    if (word === 'quit') break;
    let answer = '';
    if (word === 'about') answer = `ONNX Runtime ${version}`;
    if (word === 'prepare') answer = await prepare(rest[0], Number(rest[1])).catch((e) => `none ${e.message}`);
    if (word === 'run') answer = await run(Number(rest[0]));
    process.stdout.write(answer.split('\n')[0] + '\n');
  }
  process.exit(0);
}

main();
