// Sends each line of its input and says when it has read it back: one client that stays open.
// Arguments: bootstrap, topic of one partition.
package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

const patience = time.Minute

func main() {
	bootstrap, topic := os.Args[1], os.Args[2]
	client, err := kgo.NewClient(
		kgo.SeedBrokers(bootstrap),
		kgo.DefaultProduceTopic(topic),
		kgo.ConsumeTopics(topic),
		kgo.ConsumerGroup(topic),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
	)
	check(err)
	defer client.Close()
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		check(client.ProduceSync(ctx, kgo.StringRecord(lines.Text())).FirstErr())
		fmt.Println("sent", lines.Text())
		fetches := client.PollRecords(ctx, 1)
		check(fetches.Err())
		fetches.EachRecord(func(record *kgo.Record) { fmt.Println("read", string(record.Value)) })
		cancel()
	}
}

func check(err error) {
	if err == nil {
		return
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
