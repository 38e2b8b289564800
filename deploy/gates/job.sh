#!/bin/sh
# A gate with kubectl alone: a Job of the CronJob in ../kubernetes/cronjob, and what came of it.
#   deploy/gates/job.sh musterd-after-1234
set -eu
name=${1:?the name of the Job}
kubectl --namespace musterd create job --from=cronjob/musterd "$name"
# One of both comes true; whichever does ends the other's wait.
kubectl --namespace musterd wait --for=condition=complete --timeout=15m "job/$name" &
complete=$!
(
  kubectl --namespace musterd wait --for=condition=failed --timeout=15m "job/$name" >/dev/null 2>&1 &&
    kill "$complete" 2>/dev/null
) &
failed=$!
code=0
wait "$complete" || code=1
kill "$failed" 2>/dev/null || true
kubectl --namespace musterd logs "job/$name"
exit "$code"
