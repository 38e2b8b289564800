// Every way in which Node's frameworks let pages of other origins in, each below a path of its own.
import "reflect-metadata";
import http from "node:http";
import { Controller, Get, Module } from "@nestjs/common";
import { NestFactory } from "@nestjs/core";
import koaCors from "@koa/cors";
import fastifyCors from "@fastify/cors";
import cors from "cors";
import express from "express";
import fastify from "fastify";
import Koa from "koa";

const app = "https://app.example.com";
const user = { name: "Ada" };

function onExpress(options) {
  const server = express();
  if (options) server.use(cors(options));
  server.get("/api/users", (_, response) => response.json(user));
  return server;
}

function refusing(origin, callback) {
  if (!origin || origin === app) callback(null, true);
  else callback(new Error("Not allowed by CORS"));
}

async function onFastify(options) {
  const server = fastify();
  await server.register(fastifyCors, options);
  server.get("/api/users", async () => user);
  await server.ready();
  return (request, response) => server.routing(request, response);
}

function onKoa(options) {
  const server = new Koa();
  server.silent = true;
  server.use(koaCors(options));
  server.use((context) => {
    if (context.path === "/api/users") context.body = user;
  });
  return server.callback();
}

class Users {
  list() {
    return user;
  }
}
Controller("api/users")(Users);
Get()(Users.prototype, "list", Object.getOwnPropertyDescriptor(Users.prototype, "list"));
class Root {}
Module({ controllers: [Users] })(Root);

async function onNest(options) {
  const server = await NestFactory.create(Root, { logger: false });
  if (options) server.enableCors(options);
  await server.init();
  return server.getHttpAdapter().getInstance();
}

const credentials = true;
const variants = {
  "express-list": onExpress({ origin: [app], credentials }),
  "express-fixed": onExpress({ origin: app, credentials }),
  "express-anchored": onExpress({ origin: /^https:\/\/app\.example\.com$/, credentials }),
  "express-loose": onExpress({ origin: /example\.com/, credentials }),
  "express-error": onExpress({ origin: refusing, credentials }),
  "express-reflect": onExpress({ origin: true, credentials }),
  "express-star": onExpress({ credentials }),
  "express-public": onExpress({}),
  "express-none": onExpress(undefined),
  "fastify-list": await onFastify({ origin: [app], credentials, methods: ["GET", "PUT"] }),
  "fastify-methods": await onFastify({ origin: [app], credentials }),
  "fastify-error": await onFastify({ origin: refusing, credentials, methods: ["GET", "PUT"] }),
  "koa-list": onKoa({ origin: (c) => (c.get("Origin") === app ? app : ""), credentials }),
  "koa-reflect": onKoa({ credentials }),
  "nest-list": await onNest({ origin: [app], credentials }),
  "nest-reflect": await onNest({ origin: true, credentials }),
  "nest-none": await onNest(undefined),
};

// How many requests each variant got, which /counts tells.
const counts = {};
http
  .createServer((request, response) => {
    const [, name, rest] = /^\/([a-z-]+)(\/.*)?$/.exec(request.url.split("?")[0]) ?? [];
    if (name === "counts") {
      response.end(JSON.stringify(counts));
      return;
    }
    const handle = variants[name];
    if (!handle) {
      response.writeHead(404).end();
      return;
    }
    counts[name] = (counts[name] ?? 0) + 1;
    const query = request.url.indexOf("?");
    request.url = (rest ?? "/") + (query < 0 ? "" : request.url.slice(query));
    handle(request, response);
  })
  .listen(Number(process.env.PORT), "127.0.0.1");
