/* Steps of gradient descent of MLP(64, [30, 10]) of sigmoids with the quadratic cost, on batches of 20 digits.
   Input: learning rate, number of batches, parameters in the order of struct network, then for each batch pixels and
   targets. */
#include "bench.h"

enum { BATCH = 20, IN = 64, MIDDLE = 30, OUT = 10 };

struct network {
    double W1[MIDDLE][IN], b1[MIDDLE], W2[OUT][MIDDLE], b2[OUT];
};
enum { SIZE = sizeof(struct network) / sizeof(double) };

struct batch {
    double X[BATCH][IN], T[BATCH][OUT];
};

static struct network w, g;

static double sigmoid(double z) { return 1 / (1 + exp(-z)); }

static double loss_and_gradient(const struct batch *batch) {
    double loss = 0;
    memset(&g, 0, sizeof g);
    for (int e = 0; e < BATCH; e++) {
        const double *x = batch->X[e], *t = batch->T[e];
        double a1[MIDDLE], by_1[MIDDLE] = {0};
        for (int i = 0; i < MIDDLE; i++) {
            double z = w.b1[i];
            for (int j = 0; j < IN; j++) z += w.W1[i][j] * x[j];
            a1[i] = sigmoid(z);
        }
        for (int i = 0; i < OUT; i++) {
            double z = w.b2[i];
            for (int j = 0; j < MIDDLE; j++) z += w.W2[i][j] * a1[j];
            double a2 = sigmoid(z), error = a2 - t[i], delta = error * a2 * (1 - a2) / BATCH;
            loss += error * error / (2 * BATCH);
            g.b2[i] += delta;
            for (int j = 0; j < MIDDLE; j++) {
                g.W2[i][j] += delta * a1[j];
                by_1[j] += delta * w.W2[i][j];
            }
        }
        for (int i = 0; i < MIDDLE; i++) {
            double delta = by_1[i] * a1[i] * (1 - a1[i]);
            g.b1[i] += delta;
            for (int j = 0; j < IN; j++) g.W1[i][j] += delta * x[j];
        }
    }
    return loss;
}

int main(int argc, char **argv) {
    double *numbers = read_numbers(argv[1]), rate = numbers[0];
    long steps = atol(argv[2]), batches = numbers[1];
    const struct batch *data = (void *)(numbers + 2 + SIZE);
    memcpy(&w, numbers + 2, sizeof w);
    double start = seconds();
    for (long step = 0; step < steps; step++) {
        loss_and_gradient(data + step % batches);
        for (int i = 0; i < SIZE; i++) ((double *)&w)[i] -= rate * ((double *)&g)[i];
    }
    double each = (seconds() - start) / (steps ? steps : 1), loss = loss_and_gradient(data + steps % batches);
    print_numbers(&each, 1);
    print_numbers(&loss, 1);
    print_numbers((double *)&g, SIZE);
}
