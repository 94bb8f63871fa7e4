/* One step of gradient descent of MLP(2, [16, 16, 1]) on 100 points: hinge loss and L2.
   Input: learning rate, alpha, parameters in the order of struct network, points, labels. */
#include "bench.h"

enum { EXAMPLES = 100, N = 16 };

struct network {
    double W1[N][2], b1[N], W2[N][N], b2[N], W3[N], b3;
};
enum { SIZE = sizeof(struct network) / sizeof(double) };

static struct network w, g;

static double loss_and_gradient(double alpha, const double (*X)[2], const double *Y) {
    double loss = 0;
    memset(&g, 0, sizeof g);
    for (int e = 0; e < EXAMPLES; e++) {
        double h1[N], h2[N], by_1[N] = {0}, score = w.b3;
        for (int i = 0; i < N; i++) {
            double z = w.W1[i][0] * X[e][0] + w.W1[i][1] * X[e][1] + w.b1[i];
            h1[i] = z > 0 ? z : 0;
        }
        for (int i = 0; i < N; i++) {
            double z = w.b2[i];
            for (int j = 0; j < N; j++) z += w.W2[i][j] * h1[j];
            h2[i] = z > 0 ? z : 0;
            score += w.W3[i] * h2[i];
        }
        double margin = 1 - Y[e] * score;
        if (margin <= 0) continue;
        loss += margin / EXAMPLES;
        double by_score = -Y[e] / EXAMPLES;
        g.b3 += by_score;
        for (int i = 0; i < N; i++) {
            double by_2 = h2[i] > 0 ? by_score * w.W3[i] : 0;
            g.W3[i] += by_score * h2[i];
            g.b2[i] += by_2;
            for (int j = 0; j < N; j++) {
                g.W2[i][j] += by_2 * h1[j];
                by_1[j] += by_2 * w.W2[i][j];
            }
        }
        for (int i = 0; i < N; i++) {
            double by = h1[i] > 0 ? by_1[i] : 0;
            g.b1[i] += by;
            g.W1[i][0] += by * X[e][0];
            g.W1[i][1] += by * X[e][1];
        }
    }
    double *p = (double *)&w, *by = (double *)&g, squares = 0;
    for (int i = 0; i < SIZE; i++) {
        squares += p[i] * p[i];
        by[i] += 2 * alpha * p[i];
    }
    return loss + alpha * squares;
}

int main(int argc, char **argv) {
    double *numbers = read_numbers(argv[1]), rate = numbers[0], alpha = numbers[1];
    long steps = atol(argv[2]);
    const double (*X)[2] = (void *)(numbers + 2 + SIZE), *Y = numbers + 2 + SIZE + 2 * EXAMPLES;
    memcpy(&w, numbers + 2, sizeof w);
    double start = seconds();
    for (long step = 0; step < steps; step++) {
        loss_and_gradient(alpha, X, Y);
        for (int i = 0; i < SIZE; i++) ((double *)&w)[i] -= rate * ((double *)&g)[i];
    }
    double each = (seconds() - start) / (steps ? steps : 1), loss = loss_and_gradient(alpha, X, Y);
    print_numbers(&each, 1);
    print_numbers(&loss, 1);
    print_numbers((double *)&g, SIZE);
}
